// SPDX-License-Identifier: Apache-2.0
#include "collector/input/agents/agents_status.hpp"

#include <fmt/format.h>

#include "common/base/text.hpp"

namespace seyir::collector::input {
namespace {

std::string time_or_null(UnixNanos t) {
    return t.value == 0 ? "null" : "\"" + to_rfc3339(t) + "\"";
}

std::string agent_json(const AgentState& agent) {
    std::string lag = "null";
    if (agent.last_frame.value != 0 && agent.newest_record.value != 0) {
        const Nanos behind = agent.last_frame - agent.newest_record;
        lag = fmt::format("{:.3f}", std::chrono::duration<double>(behind).count());
    }
    return fmt::format(
        R"({{"agent":"{}","connected":{},"hostname":{},"peer":{},"version":{},"epoch":{},)"
        R"("since":{},"last_frame":{},"lag_seconds":{},"frames":{},"rows":{},"raw_bytes":{},)"
        R"("clock_skew_seconds":{},"clock_is_wrong":{}}})",
        agent.agent.to_hex(),
        agent.connected,
        json_quote(agent.hostname),
        json_quote(agent.peer),
        json_quote(agent.version),
        agent.epoch,
        time_or_null(agent.since),
        time_or_null(agent.last_frame),
        lag,
        agent.frames,
        agent.rows,
        agent.raw_bytes,
        clock_skew_json(agent),
        agent.clock_is_wrong()
    );
}

std::string event_json(const AgentReport& event) {
    return fmt::format(
        R"({{"time":{},"agent":"{}","hostname":{},"kind":{},"detail":{}}})",
        time_or_null(event.ts),
        event.agent.to_hex(),
        json_quote(event.hostname),
        json_quote(event.kind),
        json_quote(event.detail)
    );
}

}  // namespace

std::string clock_skew_json(const AgentState& agent) {
    return agent.clock_skew
               ? fmt::format("{:.3f}", std::chrono::duration<double>(*agent.clock_skew).count())
               : "null";
}

std::string to_json(const AgentsStatus& status) {
    std::string out = R"({"agents":[)";
    for (const AgentState& agent : status.agents) {
        out += (out.back() == '[' ? "" : ",") + agent_json(agent);
    }
    out += R"(],"events":[)";
    for (const AgentReport& event : status.events) {
        out += (out.back() == '[' ? "" : ",") + event_json(event);
    }
    out += R"(],"refused":{)";
    for (const auto& [reason, count] : status.refused) {
        out += (out.back() == '{' ? "" : ",") + json_quote(reason) + ":" + std::to_string(count);
    }
    return out + "}}";
}

}  // namespace seyir::collector::input
