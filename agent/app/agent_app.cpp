// SPDX-License-Identifier: Apache-2.0
#include "agent/app/agent_app.hpp"

#include <fmt/format.h>

#include "agent/app/graph.hpp"
#include "agent/hostmetrics/host_metrics.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "common/base/version.hpp"
#include "common/io/clock.hpp"
#include "common/service/program.hpp"
#include "common/service/self_routes.hpp"
#include "common/service/servers.hpp"

namespace seyir::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kLog = "agent";
constexpr Nanos kDrainTime = 5s;  // what is not answered by then is still in its file

int could_not_start(const Error& error) {
    log::error(kLog, "could not start", {{"error", error.message}});
    return error.code == ErrorCode::kInvalidConfig ? config::kExitBadConfig : 1;
}

/// `"inputs":[{"id":..,"files":..,"lag_bytes":..},..]` for /health.
std::string inputs_json(const AgentConfig& config, const Graph& graph) {
    std::string out = "\"inputs\":[";
    for (size_t i = 0; i < graph.tails.size(); ++i) {
        const input::TailStatus status = graph.tails[i]->status();
        std::string complaints;
        for (const std::string& complaint : status.complaints) {
            complaints += complaints.empty() ? "" : ",";
            complaints += json_quote(complaint);
        }
        out += i == 0 ? "" : ",";
        out += fmt::format(
            R"({{"id":{},"files":{},"open_files":{},"waiting_for_answer":{},"lag_bytes":{},)"
            R"("lag_seconds":{:.3f},"in_flight_bytes":{},"complaints":[{}]}})",
            json_quote(config.tails[i].id),
            status.files,
            status.open_files,
            status.waiting_for_answer,
            status.lag_bytes,
            status.lag_seconds,
            status.in_flight_bytes,
            complaints
        );
    }
    return out + "]";
}

}  // namespace

int AgentApp::run(
    AgentConfig config,
    std::vector<pipeline::Route> routes,
    const std::string& effective_config,
    process::Signals& signals
) {
    log::set_level(config.log.level);
    log::set_json(config.log.json);
    log::info(kLog, "starting", {{"version", std::string(kVersion)}, {"config", effective_config}});
    metrics::Registry registry;
    auto graph = build_graph(config, std::move(routes), registry);
    if (!graph) {
        return could_not_start(graph.error());
    }
    const hostmetrics::HostMetrics host(config.host_metrics, registry);
    service::Servers servers(
        registry, {.listen = config.listen, .tls = config.tls, .tokens = config.tokens}
    );
    servers.add_routes(service::self_routes(*graph->engine, registry, [&config, &graph] {
        return inputs_json(config, *graph);
    }));
    if (auto running = graph->engine->start(std::move(graph->spec)); !running) {
        return could_not_start(running.error());
    }
    const auto drained_by = [] { return io::system_clock().steady_now() + kDrainTime; };
    if (auto listening = servers.start(); !listening) {
        graph->engine->stop(drained_by());
        return could_not_start(listening.error());
    }
    log::info(kLog, "ready");
    service::run_until_told_to_stop(
        signals,
        {.tick = [] { return true; },
         .on_hangup =
             [] {
                 log::warn(kLog, "reload is not offered yet; restart to apply a new configuration");
             }}
    );
    graph->engine->stop(drained_by());
    servers.stop(drained_by());
    log::info(kLog, "stopped");
    return 0;
}

}  // namespace seyir::agent
