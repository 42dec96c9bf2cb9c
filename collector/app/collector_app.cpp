// SPDX-License-Identifier: Apache-2.0
#include "collector/app/collector_app.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "collector/api/loki_routes.hpp"
#include "collector/api/metrics/metrics_routes.hpp"
#include "collector/app/join_routes.hpp"
#include "collector/app/status_routes.hpp"
#include "collector/app/store_upkeep.hpp"
#include "collector/input/agents/agents_input.hpp"
#include "collector/input/loki/loki_input.hpp"
#include "collector/retention/class_policy.hpp"
#include "collector/services/collector_services.hpp"
#include "collector/services/store_refill.hpp"
#include "collector/store/rocks_store.hpp"
#include "common/base/log.hpp"
#include "common/base/version.hpp"
#include "common/io/clock.hpp"
#include "common/service/pipeline_host.hpp"
#include "common/service/program.hpp"
#include "common/service/reloader.hpp"
#include "common/service/self_routes.hpp"
#include "common/service/servers.hpp"
#include "common/service/tap_hub.hpp"
#include "plugins/output/dead_letter_file.hpp"

namespace seyir::collector {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kLog = "collector";
constexpr Nanos kDrainTime = 15s;  // below systemd's TimeoutStopSec=30s

int could_not_start(const Error& error) {
    log::error(kLog, "could not start", {{"error", error.message}});
    return error.code == ErrorCode::kInvalidConfig ? config::kExitBadConfig : 1;
}

Result<std::unique_ptr<store::RocksStore>> open_store(
    const CollectorConfig& config, metrics::Registry& registry
) {
    store::RocksStoreOptions out;
    out.data_dir = config.home;
    out.metrics = &registry;
    SEYIR_TRY(
        out.retention, retention::make_policy(config.store.retention, config.clean_up.classes)
    );
    out.metrics_retention = config.store.metrics_retention;
    apply_limits(config.limits, out);
    out.stage_budget_bytes = std::max(config.store.stage_bytes_max, out.seal_bytes);
    out.soft_free_bytes = config.store.min_free_soft_bytes;
    out.hard_free_bytes = config.store.min_free_hard_bytes;
    return store::RocksStore::open(std::move(out));
}

/// The push endpoint is part of the Loki API on `listen.http`, configured or not, as long as a
/// route takes every input. An input `loki` in the file gives it an id and labels of its own.
Result<void> add_default_push(
    const component::ProgramConfig& config,
    const component::RunningGraph* before,
    metrics::Registry& registry,
    const std::shared_ptr<IntakeBrake>& brake,
    component::RunningGraph& graph
) {
    const auto is_push = [](const component::PlannedInput& input) { return input.type == "loki"; };
    if (!config.listen.http || std::ranges::any_of(config.pipeline.inputs, is_push)) {
        return {};
    }
    bool routed = false;
    for (pipeline::Route& route : graph.spec.routes) {
        if (route.from.size() == config.pipeline.inputs.size()) {
            route.from.clear();
            routed = true;
        }
    }
    if (!routed || graph.inputs.contains("loki")) {
        return {};
    }
    std::shared_ptr<pipeline::Input> push;
    if (before != nullptr && before->inputs.contains("loki") &&
        before->inputs.at("loki").type.empty()) {
        push = before->inputs.at("loki").component;
    } else {
        auto made = std::make_shared<input::LokiInput>(
            input::LokiOptions{.id = "loki", .labels = {}}, registry
        );
        made->set_brake(brake);
        push = std::move(made);
    }
    graph.inputs["loki"] = {"", "", nullptr, push};
    graph.spec.inputs.push_back({.id = "loki", .input = push, .remake = {}});
    return {};
}

auto push_adder(metrics::Registry& registry, std::shared_ptr<IntakeBrake> brake) {
    return [&registry, brake = std::move(brake)](
               const component::ProgramConfig& next,
               const component::RunningGraph* before,
               component::RunningGraph& graph
           ) { return add_default_push(next, before, registry, brake, graph); };
}

FindRelayTarget relay_finder(service::PipelineHost& host) {
    return [&host](std::string_view path) {
        const auto graph = host.graph();
        FoundRelayTarget found{.is_ready = graph != nullptr, .target = nullptr};
        for (const auto& [id, running] :
             graph == nullptr ? decltype(graph->inputs){} : graph->inputs) {
            auto target = std::dynamic_pointer_cast<RelayTarget>(running.component);
            if (target != nullptr && target->takes(path)) {
                found.target = std::move(target);
            }
        }
        return found;
    };
}

/// Of required routes: what others lose is not sent again.
FindPositionKeepers keeper_finder(service::PipelineHost& host) {
    using Keepers = std::vector<std::shared_ptr<const pipeline::PositionKeeper>>;
    return [&host](const std::string& input) -> std::optional<Keepers> {
        const auto graph = host.graph();
        if (graph == nullptr) {
            return std::nullopt;
        }
        std::set<std::string> inputs{input};
        for (const auto& [id, running] : graph->inputs) {
            if (dynamic_cast<const RelayTarget*>(running.component.get()) != nullptr) {
                inputs.insert(id);
            }
        }
        std::set<std::string> outputs;
        for (const pipeline::Route& route : graph->spec.routes) {
            const bool feeds = route.from.empty() || std::ranges::any_of(route.from, [&](auto& id) {
                                   return inputs.contains(id);
                               });
            if (feeds && route.required) {
                outputs.insert(route.to.begin(), route.to.end());
            }
        }
        Keepers keepers;
        for (const std::string& id : outputs) {
            const auto at = graph->outputs.find(id);
            auto keeper =
                at == graph->outputs.end()
                    ? nullptr
                    : std::dynamic_pointer_cast<const pipeline::PositionKeeper>(at->second.component
                      );
            if (keeper != nullptr) {
                keepers.push_back(std::move(keeper));
            }
        }
        return keepers;
    };
}

void let_find(CollectorServices& services, service::PipelineHost& host) {
    services.find_relay_target = relay_finder(host);
    services.find_position_keepers = keeper_finder(host);
}

StatusSources status_sources(
    service::PipelineHost& host,
    store::RocksStore& store,
    const CollectorConfig& config,
    SteadyTime started
) {
    return {
        .engine = &host.engine(),
        .store = &store,
        .agents =
            [&host] {
                std::vector<input::AgentsStatus> all;
                for (const auto& [id, running] : host.graph()->inputs) {
                    const auto* agents =
                        dynamic_cast<const input::AgentsInput*>(running.component.get());
                    if (agents != nullptr) {
                        all.push_back(agents->status());
                    }
                }
                return all;
            },
        .retention = config.store.retention,
        .on_archive_failure =
            config.clean_up.archive_directory.empty() ? ""
            : config.clean_up.on_archive_failure == retention::OnArchiveFailure::kKeep
                ? "keep"
                : "delete_oldest",
        .started = started,
    };
}

std::optional<uint16_t> joinable_port(service::PipelineHost& host) {
    for (const auto& [id, running] : host.graph()->inputs) {
        const auto* agents = dynamic_cast<const input::AgentsInput*>(running.component.get());
        if (agents != nullptr && agents->may_join()) {
            return agents->local().port;
        }
    }
    return std::nullopt;
}

SteadyTime drained_by() {
    return io::system_clock().steady_now() + kDrainTime;
}

std::vector<net::HttpRoute> loki_api(
    store::LogStore& store, const CollectorConfig& config, metrics::Registry& registry
) {
    api::ApiOptions options{.retention = config.store.retention, .registry = &registry};
    apply_limits(config.limits, options);
    return api::loki_routes(store, options, io::system_clock());
}

/// Status, joining, health and the Loki API; not those of reload and tap.
void add_own_routes(
    service::Servers& servers,
    service::PipelineHost& host,
    store::RocksStore& store,
    const CollectorConfig& config,
    const std::shared_ptr<AgentTokens>& tokens,
    StoreUpkeep& upkeep,
    metrics::Registry& registry,
    SteadyTime started
) {
    servers.add_routes({status_route(status_sources(host, store, config, started))});
    servers.add_routes(join_routes(
        {.tokens = tokens,
         .agents_port = [&host] { return joinable_port(host); },
         .certificate = config.tls.cert},
        registry
    ));
    servers.add_routes(upkeep.routes());
    servers.add_routes(service::self_routes(host.engine(), registry, {}));
    servers.add_routes(loki_api(store, config, registry));
    servers.add_routes(api::metrics_routes(
        [&store](TenantId tenant) { return store.metrics(tenant); }, io::system_clock()
    ));
}

std::shared_ptr<service::TapHub> add_tap(
    service::Servers& servers, service::PipelineHost& host, metrics::Registry& registry
) {
    auto tap = std::make_shared<service::TapHub>(registry);
    host.engine().set_tap(tap);
    servers.add_routes({tap->route()});
    return tap;
}

size_t filter_workers() {
    return std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 4);
}

}  // namespace

int CollectorApp::run(
    CollectorConfig config,
    const std::string& path,
    const std::string& effective_config,
    process::Signals& signals
) {
    service::apply_log_options(config);
    log::info(kLog, "starting", {{"version", std::string(kVersion)}, {"config", path}});
    log::debug(kLog, "configuration with defaults", {{"config", effective_config}});
    const SteadyTime started = io::system_clock().steady_now();
    const auto running = std::make_shared<const CollectorConfig>(std::move(config));
    metrics::Registry registry;
    auto store = open_store(*running, registry);
    if (!store) {
        return could_not_start(store.error());
    }
    StoreRefill refill(**store, io::system_clock());
    const auto agent_tokens = AgentTokens::open(running->home + "/agent_tokens.json");
    if (!agent_tokens) {
        return could_not_start(agent_tokens.error());
    }
    CollectorServices services(**store, &refill, *agent_tokens);
    auto upkeep = StoreUpkeep::make(*running, **store, services.events, services.brake, registry);
    if (!upkeep) {
        return could_not_start(upkeep.error());
    }
    service::Servers servers(
        registry, {.listen = running->listen, .tls = running->tls, .tokens = running->tokens}
    );
    service::PipelineHost host({
        .registry = registry,
        .services = services,
        .servers = servers,
        .filter_workers = filter_workers(),
        .dead_letter = plugins::make_dead_letter_file,
        .adjust = push_adder(registry, services.brake),
    });
    let_find(services, host);
    service::Reloader reloader(
        host,
        running,
        [&path] { return service::loaded_program(load_collector_config(path)); },
        service::apply_log_options
    );
    add_own_routes(servers, host, **store, *running, *agent_tokens, **upkeep, registry, started);
    servers.add_routes(reloader.routes());
    const auto tap = add_tap(servers, host, registry);
    if (auto begun = host.start(*running); !begun) {
        return could_not_start(begun.error());
    }
    if (auto listening = servers.start(); !listening) {
        host.stop(drained_by());
        return could_not_start(listening.error());
    }
    (*upkeep)->start();
    log::info(kLog, "ready");
    service::run_until_told_to_stop(
        signals,
        {.tick =
             [&] {
                 (*upkeep)->tick();
                 host.tick();
                 reloader.serve();
                 return true;
             },
         .on_hangup = [&] { reloader.on_hangup(); }}
    );
    reloader.stop();
    (*upkeep)->stop();
    tap->stop();
    host.stop(drained_by());
    servers.stop(drained_by());
    log::info(kLog, "stopped");
    return 0;
}

}  // namespace seyir::collector
