// SPDX-License-Identifier: Apache-2.0
// From configuration to the agent's components. Nothing runs yet when build_graph() returns.
#pragma once

#include <memory>
#include <vector>

#include "agent/app/agent_config.hpp"
#include "agent/checkpoint/checkpoint_store.hpp"
#include "agent/input/tail_input.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/engine.hpp"
#include "common/ship/collector_output.hpp"

namespace seyir::agent {

/// The running parts. Members are destroyed from the last to the first: the engine (and with it the
/// inputs, which hand in their last positions) before the checkpoint they write to.
struct Graph {
    std::unique_ptr<checkpoint::CheckpointStore> checkpoints;
    std::unique_ptr<pipeline::Engine> engine;
    pipeline::GraphSpec spec;
    std::vector<input::TailInput*> tails;  ///< owned by the engine
};

/// Errors: kIo, kNoSpace for state_dir; kInvalidConfig for TLS files.
Result<Graph> build_graph(
    const AgentConfig& config, std::vector<pipeline::Route> routes, metrics::Registry& registry
);

}  // namespace seyir::agent
