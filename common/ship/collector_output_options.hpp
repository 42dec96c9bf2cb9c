// SPDX-License-Identifier: Apache-2.0
// CollectorOutputOptions: what an operator can say about the agent's `collector` output.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/units.hpp"
#include "common/config/sections/sections.hpp"
#include "common/ship/ship_setup.hpp"

namespace seyir::ship {

enum class Compression : uint8_t { kNone, kLz4, kZstd };

struct CollectorOutputOptions {
    std::vector<config::Address> endpoints;  ///< tried in order; at least one
    std::string token;                       ///< "" = none
    std::string token_file;                  ///< instead of `token`; "" = none
    config::ClientTls tls;
    Compression compression = Compression::kLz4;
    uint64_t in_flight_bytes_max = 32 * kMiB;
    Nanos connect_timeout = std::chrono::seconds(10);
    Nanos ack_timeout = std::chrono::seconds(60);
    OnAmbiguity on_ambiguity = OnAmbiguity::kWait;
    Nanos retry_initial = std::chrono::milliseconds(200);
    Nanos retry_max = std::chrono::seconds(30);
    Nanos lost_after{0};                      ///< without a collector: then `lost_to` are told
    std::vector<config::NamedPlace> lost_to;  ///< outputs; empty: nobody is told
};

}  // namespace seyir::ship
