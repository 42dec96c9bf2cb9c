// SPDX-License-Identifier: Apache-2.0
// Reads a configuration file of either program, for commands that work on what it describes.
// Threads: one at a time.   Errors: as diagnostics, with the exit status they mean.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/component/program_config.hpp"
#include "ctl/arguments.hpp"

namespace seyir::ctl {

struct ProgramFile {
    std::string program;  ///< "agent" or "collector"
    std::shared_ptr<const component::ProgramConfig> config;
    std::shared_ptr<const config::Diagnostics> diagnostics;  ///< its sources name places
};

/// Diagnostics go to standard error; nothing when there are errors. `check_machine`: files it names
/// are opened (scripts, pattern files).
std::optional<ProgramFile> load_program(
    const std::string& path, const Arguments& arguments, bool check_machine
);

}  // namespace seyir::ctl
