// SPDX-License-Identifier: Apache-2.0
#include "agent/app/agent_app.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "agent/app/agent_status.hpp"
#include "agent/app/agent_watch.hpp"
#include "agent/hostmetrics/host_metrics.hpp"
#include "agent/input/agent_services.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "common/base/version.hpp"
#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"
#include "common/process/memory_release.hpp"
#include "common/service/pipeline_host.hpp"
#include "common/service/program.hpp"
#include "common/service/reloader.hpp"
#include "common/service/self_routes.hpp"
#include "common/service/servers.hpp"
#include "common/service/tap_hub.hpp"
#include "plugins/output/dead_letter_file.hpp"

namespace seyir::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kLog = "agent";
constexpr Nanos kDrainTime = 5s;  // what is not answered by then is still in its file

int could_not_start(const Error& error) {
    log::error(kLog, "could not start", {{"error", error.message}});
    return error.code == ErrorCode::kInvalidConfig ? config::kExitBadConfig : 1;
}

/// Two agents with one state directory would be one and the same to a collector, and overwrite each
/// other's positions.
Result<std::shared_ptr<void>> lock_state_dir(const std::string& home) {
    io::FileSystem& files = io::posix_file_system();
    SEYIR_CHECK(files.make_directories(home));
    auto locked = files.lock(home + "/lock");
    if (!locked && locked.error().code == ErrorCode::kConflict) {
        return fail(
            ErrorCode::kConflict,
            "another agent runs with state_dir " + home + ": give each agent its own"
        );
    }
    return locked;
}

/// The collector output that remembers an input's positions: that of a required route.
pipeline::PositionSource* positions_of(
    const component::RunningGraph& graph,
    const component::PipelineConfig& pipeline,
    const std::string& input
) {
    for (const component::PlannedRoute& route : pipeline.routes) {
        const config::RouteOptions& options = route.options;
        const bool is_read = std::ranges::find(options.from, input) != options.from.end();
        if (!is_read || !options.is_required) {
            continue;
        }
        for (const std::string& id : options.to) {
            const auto output = graph.outputs.find(id);
            auto* positions =
                output == graph.outputs.end()
                    ? nullptr
                    : dynamic_cast<pipeline::PositionSource*>(output->second.component.get());
            if (positions != nullptr) {
                return positions;
            }
        }
    }
    return nullptr;
}

/// True where records of the input reach a collector, by whatever route.
bool feeds_collector(const component::PipelineConfig& pipeline, const std::string& input) {
    const auto is_collector = [&](const std::string& id) {
        return std::ranges::any_of(pipeline.outputs, [&](const component::PlannedOutput& output) {
            return output.id == id && output.type == "collector";
        });
    };
    return std::ranges::any_of(pipeline.routes, [&](const component::PlannedRoute& route) {
        const config::RouteOptions& options = route.options;
        return std::ranges::find(options.from, input) != options.from.end() &&
               std::ranges::any_of(options.to, is_collector);
    });
}

/// Each graph has its own positions: an input that is made anew because a later graph failed must
/// not get the outputs of that one.
component::OnOutputs tell_positions(input::AgentServices& services) {
    return [&services](
               const component::RunningGraph& graph, const component::PipelineConfig& pipeline
           ) {
        std::map<std::string, pipeline::PositionSource*> positions;
        std::set<std::string> feeders;
        for (const component::PlannedInput& input : pipeline.inputs) {
            positions[input.id] = positions_of(graph, pipeline, input.id);
            if (feeds_collector(pipeline, input.id)) {
                feeders.insert(input.id);
            }
        }
        return [&services,
                positions = std::move(positions),
                feeders = std::move(feeders)](const std::string& input) {
            services.positions[input] = positions.at(input);
            services.feeds_collector = feeders;
        };
    };
}

std::vector<pipeline::ComponentStatus> notices_of(const checkpoint::CheckpointStore& checkpoints) {
    std::string trouble = checkpoints.trouble();
    if (trouble.empty()) {
        return {};
    }
    return {{"checkpoint", "checkpoint", {false, std::move(trouble)}}};
}

void add_routes(
    service::Servers& servers,
    service::PipelineHost& host,
    metrics::Registry& registry,
    service::Reloader& reloader,
    service::TapHub& tap
) {
    servers.add_routes(service::self_routes(host.engine(), registry, [&host] {
        return "\"inputs\":" + inputs_json(*host.graph());
    }));
    servers.add_routes({status_route(host)});
    servers.add_routes(reloader.routes());
    servers.add_routes({tap.route()});
}

void run_on(process::Signals& signals, service::PipelineHost& host, service::Reloader& reloader) {
    AgentWatch watch(host);
    process::MemoryRelease memory;
    service::run_until_told_to_stop(
        signals,
        {.tick =
             [&] {
                 host.tick();
                 reloader.serve();
                 memory.look(io::system_clock().steady_now());
                 return watch.look();
             },
         .on_hangup = [&] { reloader.on_hangup(); }}
    );
}

}  // namespace

int AgentApp::run(
    AgentConfig config,
    const std::string& path,
    const std::string& effective_config,
    process::Signals& signals
) {
    process::keep_freed_heap();
    log::set_level(config.log.level);
    log::set_json(config.log.json);
    log::info(kLog, "starting", {{"version", std::string(kVersion)}, {"config", path}});
    log::debug(kLog, "configuration with defaults", {{"config", effective_config}});
    const auto running = std::make_shared<const AgentConfig>(std::move(config));
    metrics::Registry registry;
    auto only_here = lock_state_dir(running->home);
    if (!only_here) {
        return could_not_start(only_here.error());
    }
    checkpoint::CheckpointStore checkpoints(
        io::posix_file_system(), io::system_clock(), registry, running->home
    );
    if (auto opened = checkpoints.open(); !opened) {
        return could_not_start(opened.error());
    }
    checkpoints.start();
    io::DiskBudget disk(running->disk_bytes_max);
    input::AgentServices services(checkpoints);
    services.disk = &disk;
    service::Servers servers(
        registry, {.listen = running->listen, .tls = running->tls, .tokens = running->tokens}
    );
    service::PipelineHost host({
        .registry = registry,
        .services = services,
        .servers = servers,
        .disk = &disk,
        .dead_letter = plugins::make_dead_letter_file,
        .on_outputs = tell_positions(services),
        .notices = [&checkpoints] { return notices_of(checkpoints); },
    });
    const hostmetrics::HostMetrics host_metrics(running->host_metrics, registry);
    service::Reloader reloader(
        host,
        running,
        [&path] { return service::loaded_program(load_agent_config(path)); },
        [&disk](const component::ProgramConfig& applied) {
            service::apply_log_options(applied);
            disk.set_limit(static_cast<const AgentConfig&>(applied).disk_bytes_max);
        }
    );
    const auto tap = std::make_shared<service::TapHub>(registry);
    host.engine().set_tap(tap);
    add_routes(servers, host, registry, reloader, *tap);
    if (auto started = host.start(*running); !started) {
        return could_not_start(started.error());
    }
    const auto drained_by = [] { return io::system_clock().steady_now() + kDrainTime; };
    if (auto listening = servers.start(); !listening) {
        host.stop(drained_by());
        return could_not_start(listening.error());
    }
    log::info(kLog, "ready");
    run_on(signals, host, reloader);
    reloader.stop();
    tap->stop();
    host.stop(drained_by());
    servers.stop(drained_by());
    log::info(kLog, "stopped");
    return 0;
}

}  // namespace seyir::agent
