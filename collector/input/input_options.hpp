// SPDX-License-Identifier: Apache-2.0
// What an operator can say about the collector's inputs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/units.hpp"
#include "common/config/sections/sections.hpp"

namespace seyir::collector::input {

/// `type: agents`: the wire protocol of seyir-agent.
struct AgentsOptions {
    std::string id;
    config::Address listen;
    /// The input's own token (named after it) and the top-level ones with scope ingest. Empty: any
    /// client is let in (loopback, or client certificates).
    std::vector<config::TokenOptions> tokens;
    bool may_join = false;  ///< agents that joined with a one-time token are let in
    config::ServerTls tls;  ///< its own, else the top-level one
    uint32_t connections_max = 10'000;
    uint64_t frame_bytes_max = 4 * kMiB;
};

/// `type: loki`: Loki's push API, mounted on `listen.http`, whose tokens it uses.
struct LokiOptions {
    std::string id;
    std::vector<std::pair<std::string, std::string>> labels;  ///< added where a stream lacks them
};

}  // namespace seyir::collector::input
