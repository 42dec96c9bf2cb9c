// SPDX-License-Identifier: Apache-2.0
// AgentApp: wires the agent's rooms and runs them until told to stop. Nothing but wiring.
// Order of life: checkpoint, engine (outputs, then inputs), HTTP; the reverse at the end.
#pragma once

#include <string>
#include <vector>

#include "agent/app/agent_config.hpp"
#include "common/pipeline/engine.hpp"
#include "common/process/signals.hpp"

namespace seyir::agent {

class AgentApp {
  public:
    /// The program's exit status: 0 after a clean stop, 1 when something could not start, 78 when
    /// what is wrong stands in the configuration.
    static int run(
        AgentConfig config,
        std::vector<pipeline::Route> routes,
        const std::string& effective_config,
        process::Signals& signals
    );
};

}  // namespace seyir::agent
