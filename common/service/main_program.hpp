// SPDX-License-Identifier: Apache-2.0
// main_program: what both programs' main() do before their app runs: signals, arguments, the
// configuration with its diagnostics, routes. The only catch-all of exceptions is here.
#pragma once

#include <cstdio>
#include <exception>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/config/loader.hpp"
#include "common/service/program.hpp"
#include "common/service/routes.hpp"

namespace seyir::service {

/// `load(path)` gives a LoadedConfig; `run(config, routes, effective, signals)` the exit status.
template <class Load, class Run>
int main_program(
    int argc, char** argv, std::string_view program, std::string_view purpose, Load load, Run run
) {
    try {
        process::Signals signals = block_program_signals();
        ProgramArguments arguments;
        if (const auto status = parse_arguments(argc, argv, program, purpose, arguments)) {
            return *status;
        }
        auto loaded = load(arguments.config_path);
        std::vector<pipeline::Route> routes;
        if (loaded.ok()) {
            routes = compile_routes(loaded.config->routes, loaded.diagnostics);
        }
        fmt::print(stderr, "{}", loaded.diagnostics.to_text());
        if (loaded.diagnostics.has_errors()) {
            return config::kExitBadConfig;
        }
        if (arguments.check_only) {
            return 0;
        }
        return run(std::move(*loaded.config), std::move(routes), loaded.effective, signals);
    } catch (const std::exception& e) {
        fmt::print(stderr, "{}: stopped by an unexpected error: {}\n", program, e.what());
        return 1;
    }
}

}  // namespace seyir::service
