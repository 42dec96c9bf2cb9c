// SPDX-License-Identifier: Apache-2.0
// ${...} references in string leaves, replaced after parsing, so that a value can never add keys.
//   ${VAR}  ${VAR:-default}  ${VAR:?message}   environment; default and message also when empty
//   ${file:/path}                              content of a file, one line break at its end removed
//   ${credential:name}                         the same from $CREDENTIALS_DIRECTORY (systemd)
//   $$                                         one `$`; a `$` before anything else stays as it is
// Room: Document -> the same Document with expanded texts.   Threads: one at a time.
// Errors: E0120, E0121, E0122 with the place of the reference inside its string.
// Limits: a referenced file 1 MiB, a value 1 MiB after expansion, all values together 8 MiB.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/config/document.hpp"

namespace seyir::config {

inline constexpr size_t kReferencedFileBytesMax = 1U << 20U;
inline constexpr size_t kExpandedBytesMax = 8U << 20U;

struct Environment {
    std::function<std::optional<std::string>(const std::string&)> variable;
    io::FileSystem* files = nullptr;
    std::string base_directory;  ///< relative ${file:...} paths start here
};

/// Of this process; relative paths start in the directory of `config_path`.
Environment process_environment(io::FileSystem& files, const std::string& config_path);

void expand_references(
    Document& document, const Environment& environment, Diagnostics& diagnostics
);

/// Of one part of the document.
void expand_references(
    Document& document, Node& part, const Environment& environment, Diagnostics& diagnostics
);

}  // namespace seyir::config
