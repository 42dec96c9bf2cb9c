// SPDX-License-Identifier: Apache-2.0
#include "agent/app/graph.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <variant>

#include "common/base/log.hpp"
#include "common/base/version.hpp"
#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"
#include "plugins/output/file_output.hpp"
#include "plugins/output/null_output.hpp"
#include "plugins/output/stdout_output.hpp"

namespace seyir::agent {
namespace {

PayloadCodec codec_of(ship::Compression compression) {
    switch (compression) {
        case ship::Compression::kNone:
            return PayloadCodec::kNone;
        case ship::Compression::kLz4:
            return PayloadCodec::kLz4;
        case ship::Compression::kZstd:
            return PayloadCodec::kZstd;
    }
    return PayloadCodec::kLz4;
}

class Builder {
  public:
    Builder(const AgentConfig& config, metrics::Registry& registry)
        : config_(config), registry_(registry) {}

    Result<Graph> build(std::vector<pipeline::Route> routes) {
        graph_.checkpoints = std::make_unique<checkpoint::CheckpointStore>(
            fs_, clock_, registry_, config_.state_dir
        );
        SEYIR_CHECK(graph_.checkpoints->open());
        graph_.checkpoints->start();
        graph_.engine = std::make_unique<pipeline::Engine>(registry_);
        for (const OutputConfig& output : config_.outputs) {
            SEYIR_TRY(auto made, make_output(output));
            graph_.spec.outputs.push_back({.id = output.id, .output = std::move(made)});
        }
        for (const input::TailOptions& tail : config_.tails) {
            add_tail(tail, routes);
        }
        for (pipeline::Route& route : routes) {
            graph_.spec.routes.push_back(std::move(route));
        }
        return std::move(graph_);
    }

  private:
    Result<std::unique_ptr<pipeline::Output>> make_output(const OutputConfig& output) {
        if (const auto* file = std::get_if<plugins::FileOutputOptions>(&output.options)) {
            return std::unique_ptr<pipeline::Output>(
                std::make_unique<plugins::FileOutput>(*file, fs_)
            );
        }
        if (const auto* out = std::get_if<plugins::StdoutOutputOptions>(&output.options)) {
            return std::unique_ptr<pipeline::Output>(std::make_unique<plugins::StdoutOutput>(*out));
        }
        if (std::holds_alternative<NullOutputOptions>(output.options)) {
            return std::unique_ptr<pipeline::Output>(std::make_unique<plugins::NullOutput>());
        }
        return make_collector(output.id, std::get<ship::CollectorOutputOptions>(output.options));
    }

    Result<std::unique_ptr<pipeline::Output>> make_collector(
        const std::string& id, const ship::CollectorOutputOptions& options
    ) {
        ship::ShipSetup setup;
        setup.id = id;
        for (const config::Address& address : options.endpoints) {
            setup.endpoints.push_back({.host = address.host, .port = address.port});
        }
        setup.token = options.token;
        if (options.tls.is_on) {
            SEYIR_TRY(
                setup.tls,
                net::TlsClientContext::load(
                    {.ca = options.tls.ca,
                     .cert = options.tls.cert,
                     .key = options.tls.key,
                     .server_name = options.tls.server_name}
                )
            );
        }
        setup.state_dir = config_.state_dir;
        SEYIR_TRY(setup.identity, ship::load_agent_identity(fs_, {.state_dir = config_.state_dir}));
        if (!setup.identity.forked.empty()) {
            // The new id has no lanes yet: they start at the checkpoint, not at zero.
            graph_.checkpoints->note_fork();
            SEYIR_CHECK(graph_.checkpoints->write_now());
        }
        setup.hostname = config_.host_name;
        setup.agent_version = kVersion;
        setup.codec = codec_of(options.compression);
        setup.in_flight_bytes_max = options.in_flight_bytes_max;
        setup.connect_timeout = options.connect_timeout;
        setup.ack_timeout = options.ack_timeout;
        setup.retry_initial = options.retry_initial;
        setup.retry_max = options.retry_max;
        auto made =
            std::make_unique<ship::CollectorOutput>(std::move(setup), fs_, clock_, registry_);
        positions_[id] = made.get();
        return std::unique_ptr<pipeline::Output>(std::move(made));
    }

    /// The collector output that remembers this input's positions: that of a required route.
    pipeline::PositionSource* positions_of(
        const std::string& input, const std::vector<pipeline::Route>& routes
    ) const {
        for (const pipeline::Route& route : routes) {
            const bool routed =
                route.from.empty() || std::ranges::find(route.from, input) != route.from.end();
            for (const std::string& output : route.to) {
                const auto at = positions_.find(output);
                if (routed && route.required && at != positions_.end()) {
                    return at->second;
                }
            }
        }
        return nullptr;
    }

    void add_tail(const input::TailOptions& options, const std::vector<pipeline::Route>& routes) {
        input::TailDeps deps{
            .fs = fs_,
            .clock = clock_,
            .registry = registry_,
            .checkpoints = *graph_.checkpoints,
            .positions = positions_of(options.id, routes),
        };
        auto made = std::make_unique<input::TailInput>(options, deps);
        graph_.tails.push_back(made.get());
        graph_.spec.inputs.push_back({.id = options.id, .input = std::move(made), .remake = {}});
    }

    const AgentConfig& config_;
    metrics::Registry& registry_;
    io::FileSystem& fs_ = io::posix_file_system();
    io::Clock& clock_ = io::system_clock();
    std::map<std::string, pipeline::PositionSource*> positions_;
    Graph graph_;
};

}  // namespace

Result<Graph> build_graph(
    const AgentConfig& config, std::vector<pipeline::Route> routes, metrics::Registry& registry
) {
    return Builder(config, registry).build(std::move(routes));
}

}  // namespace seyir::agent
