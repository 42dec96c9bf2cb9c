// SPDX-License-Identifier: Apache-2.0
#include "collector/app/status_routes.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/base/version.hpp"
#include "common/io/clock.hpp"
#include "common/service/self_routes.hpp"

namespace seyir::collector {
namespace {

double seconds(Nanos d) {
    return std::chrono::duration<double>(d).count();
}

/// A time, or null when it is not set.
std::string time_or_null(UnixNanos t, bool set) {
    return set ? json_quote(to_rfc3339(t)) : "null";
}

/// Until the hard mark is reached at the pace so far: of a store that is a day old or more.
std::string days_left(const store::StoreStats& stats, const store::DiskRoom& room) {
    const auto at = [](UnixNanos time) { return static_cast<double>(time.value); };  // of any year
    const double age_days = (at(stats.newest) - at(stats.oldest)) / 86'400e9;
    if (stats.records == 0 || age_days < 1 || stats.disk_bytes == 0 || room.free_bytes == 0) {
        return "null";
    }
    const uint64_t left = room.free_bytes - std::min(room.free_bytes, room.hard_bytes);
    return fmt::format(
        "{:.1f}", static_cast<double>(left) / (static_cast<double>(stats.disk_bytes) / age_days)
    );
}

std::string_view disk_word(store::DiskState state) {
    switch (state) {
        case store::DiskState::kSoftMark:
            return "soft_mark";
        case store::DiskState::kHardMark:
            return "hard_mark";
        default:
            return "ok";
    }
}

std::string store_json(const StatusSources& sources) {
    store::RocksStore& store = *sources.store;
    const store::DiskRoom room = store.disk_room();
    const store::StoreStats stats = store.stats();
    const store::StoreHealth health = store.health();
    return fmt::format(
        R"({{"records":{},"raw_bytes":{},"disk_bytes":{},"stage_bytes":{},"segments":{},)"
        R"("partitions":{},"oldest":{},"newest":{},"store_id":"{}","restore_generation":{},)"
        R"("retention_days":{:.1f},"free_bytes":{},"disk":"{}","soft_mark_bytes":{},"hard_mark_bytes":{},)"
        R"("days_left":{},"on_archive_failure":{},"days_held_back":{},"clock_stepped":{},"ok":{},"message":{}}})",
        stats.records,
        stats.raw_bytes,
        stats.disk_bytes,
        stats.stage_bytes,
        stats.segments,
        stats.partitions,
        time_or_null(stats.oldest, stats.records != 0),
        time_or_null(stats.newest, stats.records != 0),
        stats.store_id.to_hex(),
        stats.restore_generation,
        seconds(sources.retention) / 86'400.0,
        health.free_bytes,
        disk_word(room.state),
        room.soft_bytes,
        room.hard_bytes,
        days_left(stats, room),
        sources.on_archive_failure.empty() ? "null" : json_quote(sources.on_archive_failure),
        health.days_held_back,
        health.is_clock_stepped,
        health.ok,
        json_quote(health.message)
    );
}

std::string agent_json(const input::AgentState& agent, UnixNanos now) {
    const bool has_frame = agent.last_frame.value != 0;
    return fmt::format(
        R"({{"id":"{}","connected":{},"hostname":{},"peer":{},"version":{},"since":{},)"
        R"("last_frame_age_seconds":{},"lag_seconds":{},"frames":{},"rows":{},"raw_bytes":{},)"
        R"("clock_skew_seconds":{},"clock_is_wrong":{}}})",
        agent.agent.to_hex(),
        agent.connected,
        json_quote(agent.hostname),
        json_quote(agent.peer),
        json_quote(agent.version),
        time_or_null(agent.since, agent.since.value != 0),
        has_frame ? fmt::format("{:.3f}", seconds(now - agent.last_frame)) : "null",
        has_frame ? fmt::format("{:.3f}", seconds(agent.last_frame - agent.newest_record)) : "null",
        agent.frames,
        agent.rows,
        agent.raw_bytes,
        input::clock_skew_json(agent),
        agent.clock_is_wrong()
    );
}

std::string event_json(const input::AgentReport& event) {
    return fmt::format(
        R"({{"time":"{}","kind":{},"agent":"{}","hostname":{},"detail":{}}})",
        to_rfc3339(event.ts),
        json_quote(event.kind),
        event.agent.to_hex(),
        json_quote(event.hostname),
        json_quote(event.detail)
    );
}

std::string agents_json(const StatusSources& sources) {
    const UnixNanos now = io::system_clock().wall_now();
    std::string agents;
    std::string events;
    std::string refused;
    for (const input::AgentsStatus& status : sources.agents()) {
        for (const input::AgentState& agent : status.agents) {
            agents += agents.empty() ? "" : ",";
            agents += agent_json(agent, now);
        }
        for (const input::AgentReport& event : status.events) {
            events += events.empty() ? "" : ",";
            events += event_json(event);
        }
        for (const auto& [reason, count] : status.refused) {
            refused += refused.empty() ? "" : ",";
            refused += fmt::format("{}:{}", json_quote(reason), count);
        }
    }
    return fmt::format(
        R"("agents":[{}],"events":[{}],"refused_connections":{{{}}})", agents, events, refused
    );
}

}  // namespace

net::HttpRoute status_route(StatusSources sources) {
    return {
        .method = "GET",
        .path = "/api/v1/status",
        .scope = net::Scope::kRead,
        .lane = net::Lane::kControl,
        .handler =
            [sources = std::move(sources)](const net::HttpExchangePtr& exchange) {
                const Nanos uptime = io::system_clock().steady_now() - sources.started;
                std::string out = fmt::format(
                    R"({{"version":"{}","uptime_seconds":{:.1f},"components":{},{}}}{})",
                    kVersion,
                    seconds(uptime),
                    service::components_json(sources.engine->status()),
                    agents_json(sources),
                    "\n"
                );
                if (sources.store != nullptr) {
                    out.insert(1, "\"store\":" + store_json(sources) + ",");
                }
                exchange->respond(net::HttpResponse::json(std::move(out)));
            }
    };
}

}  // namespace seyir::collector
