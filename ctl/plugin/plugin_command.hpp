// SPDX-License-Identifier: Apache-2.0
// `seyir plugin new|check|doc|ls`.   Threads: one.   Gives the exit status.
#pragma once

#include <string>

#include "common/plugin/library.hpp"
#include "ctl/arguments.hpp"

namespace seyir::ctl {

int plugin_command(const Arguments& arguments);

/// The reference page of a plugin's filters, in Markdown.
std::string plugin_page(const plugin::PluginLibrary& library);

}  // namespace seyir::ctl
