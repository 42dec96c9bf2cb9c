// SPDX-License-Identifier: Apache-2.0
// What AgentsInput is built from, after configuration and TLS files were read.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "collector/services/agent_tokens.hpp"
#include "collector/services/collector_services.hpp"
#include "common/base/time.hpp"
#include "common/base/units.hpp"
#include "common/net/endpoint.hpp"
#include "common/net/http/auth.hpp"
#include "common/net/tls.hpp"

namespace seyir::collector::input {

struct AgentsSetup {
    std::string id = "agents";  ///< of the input, for logs and metrics
    net::Endpoint listen;
    std::shared_ptr<net::TlsServerContext> tls;  ///< none = plain
    net::Authenticator authenticator;            ///< who may ship; open = everybody
    std::shared_ptr<const AgentTokens> joined;   ///< set: agents that joined may ship, too
    std::shared_ptr<IntakeBrake> brake;          ///< frames are slowed down by it; may be none
    FindRelayTarget find_relay_target;           ///< none: relayed requests are refused
    FindPositionKeepers find_position_keepers;   ///< none: the store alone
    std::string server_version;
    size_t io_threads = 2;
    uint32_t connections_max = 10'000;
    uint64_t credit_bytes = 16 * kMiB;               ///< raw bytes in flight, a connection
    uint64_t in_flight_bytes_max = 256 * kMiB;       ///< raw bytes in flight, together
    Nanos hello_timeout = std::chrono::seconds(10);  ///< from accept to an accepted hello
    Nanos probe_timeout = std::chrono::seconds(3);   ///< for the older of two agents with one id
    uint32_t retry_after_ms = 1000;                  ///< told to agents when nothing can be stored
};

}  // namespace seyir::collector::input
