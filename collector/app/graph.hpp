// SPDX-License-Identifier: Apache-2.0
// From configuration to the collector's components. Nothing runs yet when build() returns.
#pragma once

#include <memory>
#include <vector>

#include "collector/app/collector_config.hpp"
#include "collector/input/agents/agents_input.hpp"
#include "collector/input/loki/loki_input.hpp"
#include "collector/store/rocks_store.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/engine.hpp"

namespace seyir::collector {

/// The running parts. Members are destroyed from the last to the first: the store goes before the
/// engine, because it answers what it still holds to outputs that live in the engine.
struct Graph {
    pipeline::GraphSpec spec;
    std::unique_ptr<pipeline::Engine> engine;
    std::vector<input::AgentsInput*> agents;  ///< owned by the engine
    std::vector<input::LokiInput*> loki;      ///< owned by the engine
    Nanos retention{0};
    std::unique_ptr<store::RocksStore> store;
};

/// Opens the store (also without a `store` output: it keeps the agents' positions), makes inputs
/// and outputs. Errors: what the store or TLS files say; kInvalidConfig.
Result<Graph> build_graph(
    const CollectorConfig& config, std::vector<pipeline::Route> routes, metrics::Registry& registry
);

}  // namespace seyir::collector
