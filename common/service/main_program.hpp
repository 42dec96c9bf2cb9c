// SPDX-License-Identifier: Apache-2.0
// main_program: the main() of both programs: arguments, configuration, run.
// Errors: 78 for a bad configuration, 1 for what could not start.
#pragma once

#include <cstdio>
#include <exception>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "common/config/loader.hpp"
#include "common/service/program.hpp"

namespace seyir::service {

/// `load(path)` gives a LoadedConfig; `run(loaded, path, signals)` the exit status, and so does
/// `dry_run(loaded, records_max, signals)` where the program has one.
template <class Load, class Run, class DryRun = std::nullptr_t>
int main_program(
    int argc,
    char** argv,
    std::string_view program,
    std::string_view purpose,
    Load load,
    Run run,
    DryRun dry_run = {}
) {
    constexpr bool kHasDryRun = !std::is_same_v<DryRun, std::nullptr_t>;
    try {
        process::Signals signals = block_program_signals();
        ProgramArguments arguments;
        arguments.has_dry_run = kHasDryRun;
        if (const auto status = parse_arguments(argc, argv, program, purpose, arguments)) {
            return *status;
        }
        auto loaded = load(arguments.config_path);
        fmt::print(stderr, "{}", loaded.diagnostics.to_text());
        if (loaded.diagnostics.has_errors()) {
            return config::kExitBadConfig;
        }
        if (arguments.check_only) {
            return 0;
        }
        if constexpr (kHasDryRun) {
            if (arguments.dry_run) {
                return dry_run(std::move(*loaded.config), arguments.dry_run_records, signals);
            }
        }
        return run(std::move(*loaded.config), arguments.config_path, loaded.effective, signals);
    } catch (const std::exception& e) {
        fmt::print(stderr, "{}: stopped by an unexpected error: {}\n", program, e.what());
        return 1;
    }
}

}  // namespace seyir::service
