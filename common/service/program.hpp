// SPDX-License-Identifier: Apache-2.0
// The frame both programs run in: arguments, the wait for signals, systemd's watchdog.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/time.hpp"
#include "common/process/signals.hpp"

namespace seyir::service {

struct ProgramArguments {
    std::string config_path;
    bool check_only = false;  ///< read and check the configuration, then exit
    /// Set by a program that knows `--dry-run`, before the arguments are read.
    bool has_dry_run = false;
    bool dry_run = false;
    uint64_t dry_run_records = 100;  ///< `--limit`; 0: all there are
};

/// Reads `--config FILE`, `--check`, `--version`, `--help`, and where there is one `--dry-run`.
/// Gives the exit status when the program is to end at once (0 after help or version, 64 = EX_USAGE
/// after a mistake).
std::optional<int> parse_arguments(
    int argc,
    char** argv,
    std::string_view program,
    std::string_view purpose,
    ProgramArguments& arguments
);

struct Loop {
    /// Called about every second; false = something is stuck, the watchdog is not fed.
    std::function<bool()> tick;
    std::function<void()> on_hangup;  ///< SIGHUP
};

/// Tells systemd READY=1, runs until SIGTERM or SIGINT, then STOPPING=1.
void run_until_told_to_stop(process::Signals& signals, const Loop& loop);

/// The signals run_until_told_to_stop() waits for; made first thing in main.
process::Signals block_program_signals();

}  // namespace seyir::service
