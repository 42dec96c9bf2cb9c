// SPDX-License-Identifier: Apache-2.0
// The commands and options of `seyir`: parser, help, completion and the guide's test read this.
#pragma once

#include <span>
#include <string>

#include "ctl/arguments.hpp"

namespace seyir::ctl {

std::span<const CommandSpec> all_commands();
std::span<const OptionSpec> global_options();

/// `seyir help`.
std::string help_text();
/// `seyir help COMMAND`, `seyir COMMAND --help`.
std::string help_text(const CommandSpec& command);
/// For `eval "$(seyir completion bash)"`.
std::string bash_completion();

}  // namespace seyir::ctl
