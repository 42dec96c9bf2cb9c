// SPDX-License-Identifier: Apache-2.0
#include "collector/app/graph.hpp"

#include <utility>
#include <variant>

#include "collector/output/store_output.hpp"
#include "common/base/version.hpp"
#include "common/service/servers.hpp"
#include "plugins/output/file_output.hpp"
#include "plugins/output/null_output.hpp"
#include "plugins/output/stdout_output.hpp"

namespace seyir::collector {
namespace {

/// The number of the one store output a pipeline has; part of the lane keys on disk.
constexpr uint16_t kStoreOutput = 0;

store::RocksStoreOptions store_options(
    const CollectorConfig& config, const store::StoreOptions& options, metrics::Registry& registry
) {
    store::RocksStoreOptions out;
    out.data_dir = config.data_dir;
    out.metrics = &registry;
    out.retention = options.retention;
    out.stage_budget_bytes = std::max(options.stage_bytes_max, out.seal_bytes);
    out.soft_free_bytes = options.min_free_soft_bytes;
    out.hard_free_bytes = options.min_free_hard_bytes;
    return out;
}

store::StoreOptions configured_store(const CollectorConfig& config) {
    for (const OutputConfig& output : config.outputs) {
        if (const auto* options = std::get_if<store::StoreOptions>(&output.options)) {
            return *options;
        }
    }
    return {};
}

class Builder {
  public:
    Builder(const CollectorConfig& config, metrics::Registry& registry)
        : config_(config), registry_(registry) {}

    Result<Graph> build(std::vector<pipeline::Route> routes) {
        const store::StoreOptions options = configured_store(config_);
        graph_.retention = options.retention;
        SEYIR_TRY(
            graph_.store, store::RocksStore::open(store_options(config_, options, registry_))
        );
        graph_.engine = std::make_unique<pipeline::Engine>(registry_);
        for (const OutputConfig& output : config_.outputs) {
            graph_.spec.outputs.push_back({.id = output.id, .output = make_output(output)});
        }
        for (const InputConfig& input : config_.inputs) {
            SEYIR_TRY(auto made, make_input(input));
            graph_.spec.inputs.push_back({.id = input.id, .input = std::move(made), .remake = {}});
        }
        add_default_push(routes);
        for (pipeline::Route& route : routes) {
            graph_.spec.routes.push_back(std::move(route));
        }
        return std::move(graph_);
    }

  private:
    std::unique_ptr<pipeline::Output> make_output(const OutputConfig& output) {
        if (const auto* file = std::get_if<plugins::FileOutputOptions>(&output.options)) {
            return std::make_unique<plugins::FileOutput>(*file, io::posix_file_system());
        }
        if (const auto* out = std::get_if<plugins::StdoutOutputOptions>(&output.options)) {
            return std::make_unique<plugins::StdoutOutput>(*out);
        }
        if (std::holds_alternative<NullOutputOptions>(output.options)) {
            return std::make_unique<plugins::NullOutput>();
        }
        return std::make_unique<StoreOutput>(*graph_.store, kStoreOutput);
    }

    Result<std::unique_ptr<pipeline::Input>> make_input(const InputConfig& input) {
        if (const auto* agents = std::get_if<input::AgentsOptions>(&input.options)) {
            return make_agents(*agents);
        }
        auto made = std::make_unique<input::LokiInput>(
            std::get<input::LokiOptions>(input.options), registry_
        );
        graph_.loki.push_back(made.get());
        return std::unique_ptr<pipeline::Input>(std::move(made));
    }

    /// The push endpoint is part of the Loki API on `listen.http`, configured or not, as long as a
    /// route takes every input. An input `loki` in the file gives it an id and labels of its own.
    void add_default_push(std::vector<pipeline::Route>& routes) {
        bool routed = false;
        for (pipeline::Route& route : routes) {
            if (route.from.size() == config_.inputs.size()) {
                route.from.clear();
                routed = true;
            }
        }
        if (!routed || !graph_.loki.empty() || !config_.listen.http) {
            return;
        }
        auto made = std::make_unique<input::LokiInput>(
            input::LokiOptions{.id = "loki", .labels = {}}, registry_
        );
        graph_.loki.push_back(made.get());
        graph_.spec.inputs.push_back({.id = "loki", .input = std::move(made), .remake = {}});
    }

    Result<std::unique_ptr<pipeline::Input>> make_agents(const input::AgentsOptions& options) {
        input::AgentsSetup setup;
        setup.id = options.id;
        setup.listen = {.host = options.listen.host, .port = options.listen.port};
        SEYIR_TRY(setup.tls, service::load_server_tls(options.tls));
        SEYIR_TRY(setup.authenticator, service::make_authenticator(options.tokens));
        setup.store_outputs = {kStoreOutput};
        setup.server_version = kVersion;
        setup.connections_max = options.connections_max;
        auto made = std::make_unique<input::AgentsInput>(
            std::move(setup), *graph_.store, io::system_clock(), registry_
        );
        graph_.agents.push_back(made.get());
        return std::unique_ptr<pipeline::Input>(std::move(made));
    }

    const CollectorConfig& config_;
    metrics::Registry& registry_;
    Graph graph_;
};

}  // namespace

Result<Graph> build_graph(
    const CollectorConfig& config, std::vector<pipeline::Route> routes, metrics::Registry& registry
) {
    return Builder(config, registry).build(std::move(routes));
}

}  // namespace seyir::collector
