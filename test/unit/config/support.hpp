// SPDX-License-Identifier: Apache-2.0
// What the tests of common/config share: the source tree, files, and updates of expected ones.
#pragma once

#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "common/io/file_system.hpp"

namespace seyir::test {

inline std::string source_root() {
    const char* root = std::getenv("SEYIR_SOURCE_ROOT");
    return root == nullptr ? "." : root;
}

inline std::string read_text(const std::string& path) {
    auto text = io::read_file(io::posix_file_system(), path, 16U << 20U);
    return text ? *text : std::string();
}

/// `actual` must be what the committed file holds; SEYIR_UPDATE=1 writes it instead.
inline void check_committed(const std::string& name, const std::string& actual) {
    const std::string path = source_root() + "/" + name;
    if (std::getenv("SEYIR_UPDATE") != nullptr) {
        REQUIRE(io::write_file_atomically(io::posix_file_system(), path, actual));
        return;
    }
    INFO(name << " is not what the generator prints; run the test with SEYIR_UPDATE=1");
    CHECK(read_text(path) == actual);
}

}  // namespace seyir::test
