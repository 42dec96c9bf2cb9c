// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "collector/app/collector_app.hpp"
#include "common/service/program.hpp"
#include "common/service/routes.hpp"

namespace {

using namespace seyir;

int run(int argc, char** argv) {
    process::Signals signals = service::block_program_signals();
    service::ProgramArguments arguments;
    if (const auto status = service::parse_arguments(
            argc, argv, "seyir-collector", "central collector and log store", arguments
        )) {
        return *status;
    }
    auto loaded = collector::load_collector_config(arguments.config_path);
    std::vector<pipeline::Route> routes;
    if (loaded.ok()) {
        routes = service::compile_routes(loaded.config->routes, loaded.diagnostics);
    }
    fmt::print(stderr, "{}", loaded.diagnostics.to_text());
    if (loaded.diagnostics.has_errors()) {
        return config::kExitBadConfig;
    }
    if (arguments.check_only) {
        return 0;
    }
    return collector::CollectorApp::run(
        std::move(*loaded.config), std::move(routes), loaded.effective, signals
    );
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& e) {
        fmt::print(stderr, "seyir-collector: stopped by an unexpected error: {}\n", e.what());
        return 1;
    }
}
