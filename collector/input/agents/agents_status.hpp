// SPDX-License-Identifier: Apache-2.0
// AgentsStatus: who is connected and what agents reported, for `seyir status` and the admin API.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.hpp"
#include "common/record/ids.hpp"
#include "common/wire/messages.hpp"

namespace seyir::collector::input {

struct AgentState {
    AgentId agent;
    bool connected = false;
    std::string hostname;
    std::string peer;  ///< address and port
    std::string version;
    uint32_t epoch = 0;
    UnixNanos since;          ///< of the connection, or of its end
    UnixNanos last_frame;     ///< when the last frame came; 0 = none
    UnixNanos newest_record;  ///< its greatest timestamp; lag = last_frame - newest_record
    uint64_t frames = 0;
    uint64_t rows = 0;
    uint64_t raw_bytes = 0;
    std::optional<Nanos> clock_skew;  ///< how far its clock was ahead of ours at the hello

    bool clock_is_wrong() const {
        return clock_skew &&
               (*clock_skew > wire::kClockSkewMax || *clock_skew < -wire::kClockSkewMax);
    }
};

/// "3600.250", or "null" when the agent did not tell its time; for JSON.
std::string clock_skew_json(const AgentState& agent);

struct AgentReport {
    UnixNanos ts;
    AgentId agent;
    std::string hostname;
    std::string kind;  ///< "lane_forked", "refilled", ...
    std::string detail;
};

struct AgentsStatus {
    std::vector<AgentState> agents;           ///< connected ones first, then by hostname
    std::vector<AgentReport> events;          ///< newest last
    std::map<std::string, uint64_t> refused;  ///< connections by reason
};

/// One JSON object; the shape of `agents` in the admin API's status.
std::string to_json(const AgentsStatus& status);

}  // namespace seyir::collector::input
