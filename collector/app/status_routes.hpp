// SPDX-License-Identifier: Apache-2.0
// GET /api/v1/status: what `seyir status` prints: store, components, agents, events.
// Threads: handlers are thread-safe.   Ownership: everything named outlives the server.
#pragma once

#include <functional>
#include <vector>

#include "collector/input/agents/agents_status.hpp"
#include "collector/store/rocks_store.hpp"
#include "common/net/http.hpp"
#include "common/pipeline/engine.hpp"

namespace seyir::collector {

struct StatusSources {
    const pipeline::Engine* engine = nullptr;
    store::RocksStore* store = nullptr;
    /// One for each `agents` input that runs.
    std::function<std::vector<input::AgentsStatus>()> agents;
    Nanos retention{0};
    /// What `on_archive_failure` says; "" without an archive.
    std::string on_archive_failure;
    SteadyTime started;
};

net::HttpRoute status_route(StatusSources sources);

}  // namespace seyir::collector
