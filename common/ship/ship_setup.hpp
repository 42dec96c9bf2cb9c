// SPDX-License-Identifier: Apache-2.0
// What CollectorOutput is built from, after configuration, identity and TLS files were read.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/time.hpp"
#include "common/base/units.hpp"
#include "common/net/endpoint.hpp"
#include "common/net/tls.hpp"
#include "common/record/encoded_batch.hpp"
#include "common/ship/agent_identity.hpp"

namespace seyir::ship {

/// What becomes of frames one collector may have when only another can be reached.
enum class OnAmbiguity : uint8_t { kWait, kResend };

struct ShipSetup {
    std::string id = "collector";          ///< of the output, for logs and metrics
    std::vector<net::Endpoint> endpoints;  ///< tried in order; at least one
    std::string token;
    std::string token_file;  ///< read for each connection, instead of `token`; "" = none
    std::shared_ptr<net::TlsClientContext> tls;  ///< none = plain
    std::string state_dir;                       ///< where agent.id is
    LoadedIdentity identity;
    std::string hostname;
    std::string agent_version;
    PayloadCodec codec = PayloadCodec::kLz4;
    int lz4_acceleration = 1;
    int zstd_level = 1;
    uint64_t in_flight_bytes_max = 32 * kMiB;  ///< raw bytes encoded and not answered
    Nanos connect_timeout = std::chrono::seconds(10);
    Nanos ack_timeout = std::chrono::seconds(60);  ///< without an answer the connection is dropped
    OnAmbiguity on_ambiguity = OnAmbiguity::kWait;
    Nanos retry_initial = std::chrono::milliseconds(200);
    Nanos retry_max = std::chrono::seconds(30);
};

}  // namespace seyir::ship
