// SPDX-License-Identifier: Apache-2.0
// Where test corpora outside this repository are, if they are: $SEYIR_SHARED, else ../shared beside
// the source root. Tests that need them skip cleanly otherwise.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

namespace seyir::test {

inline std::optional<std::filesystem::path> shared_path(std::string_view below) {
    std::filesystem::path root;
    if (const char* shared = std::getenv("SEYIR_SHARED"); shared != nullptr) {
        root = shared;
    } else if (const char* source = std::getenv("SEYIR_SOURCE_ROOT"); source != nullptr) {
        root = std::filesystem::path(source) / ".." / "shared";
    } else {
        return std::nullopt;
    }
    std::error_code error;
    std::filesystem::path path = root / below;
    return std::filesystem::exists(path, error) ? std::optional(path) : std::nullopt;
}

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

}  // namespace seyir::test
