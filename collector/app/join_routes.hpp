// SPDX-License-Identifier: Apache-2.0
// POST /api/v1/tokens, GET /api/v1/tokens, POST /api/v1/tokens/{name}/revoke: for operators, scope
// admin. POST /api/v1/agents/join: exchanges a one-time token for an agent's own; the one-time
// token is what authenticates it. Each is a line of the log: who, from where, never the secret.
// Threads: handlers are thread-safe.   Ownership: everything named outlives the server.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collector/services/agent_tokens.hpp"
#include "common/metrics/registry.hpp"
#include "common/net/http.hpp"

namespace seyir::collector {

struct JoinSources {
    std::shared_ptr<AgentTokens> tokens;
    /// Port of the first `agents` input with `join: true`; nothing when there is none.
    std::function<std::optional<uint16_t>()> agents_port;
    std::string certificate;  ///< PEM file of listen.http, "" = plain text
};

std::vector<net::HttpRoute> join_routes(JoinSources sources, metrics::Registry& registry);

}  // namespace seyir::collector
