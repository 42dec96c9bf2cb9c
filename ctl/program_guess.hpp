// SPDX-License-Identifier: Apache-2.0
// Which program a configuration file is for: by the key only that program has, else by the file's
// name, else by a misspelling of such a key. It must also work on files that are not valid YAML, or
// their mistakes could not be shown. Threads: pure.
#pragma once

#include <string>
#include <string_view>

namespace seyir::ctl {

/// "agent", "collector" or "".
std::string guess_program(std::string_view path, std::string_view text);

}  // namespace seyir::ctl
