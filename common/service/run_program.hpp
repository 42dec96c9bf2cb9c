// SPDX-License-Identifier: Apache-2.0
// run_program: what both programs do once their parts are made: outputs and inputs start, then the
// listeners; then the loop; then inputs stop, outputs drain, listeners last, so that a client hears
// the answer to what it sent.
// Threads: the program's main thread.   Errors: what did not start is logged; the exit status says.
// Ownership: borrows all parts; they outlive the call.
#pragma once

#include <functional>
#include <string_view>

#include "common/service/pipeline_host.hpp"
#include "common/service/reloader.hpp"
#include "common/service/self_routes.hpp"
#include "common/service/servers.hpp"

namespace seyir::process {
class Signals;
}

namespace seyir::service {

struct ProgramParts {
    std::string_view log;  ///< component of the program's own log lines
    metrics::Registry& registry;
    Servers& servers;
    PipelineHost& host;
    Reloader& reloader;
    process::Signals& signals;
    Nanos drain_time;            ///< what is not answered by then is sent again, or lost, counted
    ExtraHealth health;          ///< more members of /health; may be empty
    std::function<void()> tick;  ///< about every second; may be empty
};

/// The exit status: 0 when told to stop, else could_not_start()'s.
int run_program(const ProgramParts& parts, const component::ProgramConfig& config);

/// Logs it; 78 for what the configuration is to blame for, else 1.
int could_not_start(std::string_view log, const Error& error);

}  // namespace seyir::service
