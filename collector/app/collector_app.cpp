// SPDX-License-Identifier: Apache-2.0
#include "collector/app/collector_app.hpp"

#include <fmt/format.h>

#include "collector/api/loki_routes.hpp"
#include "collector/app/graph.hpp"
#include "collector/app/status_routes.hpp"
#include "common/base/log.hpp"
#include "common/base/version.hpp"
#include "common/io/clock.hpp"
#include "common/service/program.hpp"
#include "common/service/routes.hpp"
#include "common/service/self_routes.hpp"
#include "common/service/servers.hpp"

namespace seyir::collector {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kLog = "collector";
constexpr Nanos kDrainTime = 15s;  // below systemd's TimeoutStopSec=30s
constexpr Nanos kMaintenanceInterval = 60s;

int could_not_start(const Error& error) {
    log::error(kLog, "could not start", {{"error", error.message}});
    return error.code == ErrorCode::kInvalidConfig ? config::kExitBadConfig : 1;
}

void add_routes(
    service::Servers& servers, const Graph& graph, metrics::Registry& registry, SteadyTime started
) {
    StatusSources status{
        .engine = graph.engine.get(),
        .store = graph.store.get(),
        .agents = {},
        .retention = graph.retention,
        .started = started,
    };
    for (const input::AgentsInput* agents : graph.agents) {
        status.agents.emplace_back([agents] { return agents->status(); });
    }
    servers.add_routes({status_route(std::move(status))});
    servers.add_routes(service::self_routes(*graph.engine, registry, {}));
    servers.add_routes(api::loki_routes(*graph.store, {}, io::system_clock()));
    for (input::LokiInput* loki : graph.loki) {
        servers.add_routes(loki->routes());
    }
}

/// Seals, drops what is past retention, notices clock steps: once a minute.
class Maintenance {
  public:
    explicit Maintenance(store::RocksStore& store) : store_(store) {}

    void tick() {
        const SteadyTime now = io::system_clock().steady_now();
        if (now < next_) {
            return;
        }
        next_ = now + kMaintenanceInterval;
        const auto report = store_.maintain();
        if (!report) {
            log::error(kLog, "store maintenance failed", {{"error", report.error().message}});
        } else if (!report->dropped.empty()) {
            log::info(
                kLog,
                "dropped days past retention",
                {{"days", fmt::format("{}", fmt::join(report->dropped, ","))},
                 {"rows", fmt::format("{}", report->rows)}}
            );
        }
    }

  private:
    store::RocksStore& store_;
    SteadyTime next_{};
};

}  // namespace

int CollectorApp::run(
    CollectorConfig config,
    std::vector<pipeline::Route> routes,
    const std::string& effective_config,
    process::Signals& signals
) {
    log::set_level(config.log.level);
    log::set_json(config.log.json);
    log::info(kLog, "starting", {{"version", std::string(kVersion)}, {"config", effective_config}});
    const SteadyTime started = io::system_clock().steady_now();
    metrics::Registry registry;
    auto graph = build_graph(config, std::move(routes), registry);
    if (!graph) {
        return could_not_start(graph.error());
    }
    service::Servers servers(
        registry, {.listen = config.listen, .tls = config.tls, .tokens = config.tokens}
    );
    add_routes(servers, *graph, registry, started);
    if (auto running = graph->engine->start(std::move(graph->spec)); !running) {
        return could_not_start(running.error());
    }
    const auto drained_by = [] { return io::system_clock().steady_now() + kDrainTime; };
    if (auto listening = servers.start(); !listening) {
        graph->engine->stop(drained_by());
        return could_not_start(listening.error());
    }
    log::info(kLog, "ready");
    Maintenance maintenance(*graph->store);
    service::run_until_told_to_stop(
        signals,
        {.tick =
             [&] {
                 maintenance.tick();
                 return true;
             },
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

}  // namespace seyir::collector
