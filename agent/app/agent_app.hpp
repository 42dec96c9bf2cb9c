// SPDX-License-Identifier: Apache-2.0
// AgentApp: wires the agent's rooms and runs them until told to stop. Nothing but wiring.
// Order of life: checkpoint, engine (outputs, then inputs), HTTP; the reverse at the end.
#pragma once

#include <string>

#include "agent/app/agent_config.hpp"
#include "common/process/signals.hpp"

namespace seyir::agent {

class AgentApp {
  public:
    /// The program's exit status: 0 after a clean stop, 1 when something could not start, 78 when
    /// what is wrong stands in the configuration. `path` is read again at a reload.
    static int run(
        AgentConfig config,
        const std::string& path,
        const std::string& effective_config,
        process::Signals& signals
    );
};

}  // namespace seyir::agent
