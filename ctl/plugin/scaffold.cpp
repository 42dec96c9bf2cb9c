// SPDX-License-Identifier: Apache-2.0
#include "ctl/plugin/scaffold.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "common/plugin/host.hpp"

namespace seyir::ctl {
namespace {

constexpr std::array<std::string_view, 3> kLanguages = {"c++", "c", "lua"};

/// "mask_pan" -> "MaskPan".
std::string class_name(std::string_view name) {
    std::string made;
    bool starts = true;
    for (const char c : name) {
        if (c == '_') {
            starts = true;
            continue;
        }
        made += starts && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        starts = false;
    }
    return made;
}

std::string filled_in(std::string_view text, std::string_view name) {
    std::string out(text);
    const auto replace_all = [&](std::string_view what, std::string_view by) {
        for (size_t at = 0; (at = out.find(what, at)) != std::string::npos; at += by.size()) {
            out.replace(at, what.size(), by);
        }
    };
    replace_all("@name@", name);
    replace_all("@Name@", class_name(name));
    return out;
}

Result<void> write_file(
    const std::filesystem::path& path, const std::string& text, bool is_program
) {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    std::ofstream out(path);
    out << text;
    out.close();
    if (!out) {
        return fail(ErrorCode::kIo, path.string() + ": cannot be written");
    }
    if (is_program) {
        using std::filesystem::perms;
        std::filesystem::permissions(
            path,
            perms::owner_exec | perms::group_exec | perms::others_exec,
            std::filesystem::perm_options::add,
            error
        );
    }
    return {};
}

}  // namespace

Result<NewProject> make_project(
    const std::string& name, const std::string& language, const std::string& directory
) {
    if (!plugin::is_word(name)) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "`{}` cannot be a filter's name: small letters, digits and `_`, a letter first",
                name
            )
        );
    }
    if (std::ranges::find(kLanguages, language) == kLanguages.end()) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("--lang is one of {}, not `{}`", fmt::join(kLanguages, ", "), language)
        );
    }
    const std::filesystem::path root = directory.empty() ? name : directory;
    std::error_code error;
    if (std::filesystem::exists(root, error) && !std::filesystem::is_empty(root, error)) {
        return fail(
            ErrorCode::kConflict,
            fmt::format("{} has files already: give an empty directory", root.string())
        );
    }
    NewProject project{.directory = root.string()};
    for (const TemplateFile& file : template_files()) {
        const bool is_shared = file.language.empty() && language != "lua";
        if (!is_shared && file.language != language) {
            continue;
        }
        const std::string path = filled_in(file.path, name);
        SEYIR_CHECK(write_file(root / path, filled_in(file.text, name), file.is_program));
        project.files.push_back(path);
    }
    return project;
}

}  // namespace seyir::ctl
