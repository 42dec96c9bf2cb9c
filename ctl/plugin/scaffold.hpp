// SPDX-License-Identifier: Apache-2.0
// `seyir plugin new`: the files of a filter's own project, which builds, tests and checks at once.
// Errors: kInvalidArgument for names and languages that are not; kConflict when the directory has
// files already; kIo.   Never overwrites.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"

namespace seyir::ctl {

/// `@name@` and `@Name@` in path and text become the filter's name, as word and as class.
struct TemplateFile {
    std::string_view language;  ///< "c++", "c", "lua"; "" = c++ and c
    std::string_view path;
    std::string_view text;
    bool is_program = false;
};

std::span<const TemplateFile> template_files();

struct NewProject {
    std::string directory;
    std::vector<std::string> files;
};

Result<NewProject> make_project(
    const std::string& name, const std::string& language, const std::string& directory
);

}  // namespace seyir::ctl
