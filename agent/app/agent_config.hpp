// SPDX-License-Identifier: Apache-2.0
// AgentConfig: everything seyir-agent is told, typed, defaults filled in, checked.
// Room: agent.yaml -> AgentConfig; the app builds its parts from it.
// Threads: immutable after load.   Errors: in LoadedConfig::diagnostics; exit status 78.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "agent/hostmetrics/host_metrics_options.hpp"
#include "agent/input/tail_options.hpp"
#include "common/config/loader.hpp"
#include "common/config/sections/sections.hpp"
#include "common/ship/collector_output_options.hpp"
#include "plugins/output/output_options.hpp"

namespace seyir::agent {

struct NullOutputOptions {};

struct OutputConfig {
    std::string id;
    std::variant<
        ship::CollectorOutputOptions,
        plugins::FileOutputOptions,
        plugins::StdoutOutputOptions,
        NullOutputOptions>
        options;
};

struct AgentConfig {
    std::string state_dir;
    config::ListenOptions listen;
    config::ServerTls tls;                     ///< of listen.http
    std::vector<config::TokenOptions> tokens;  ///< of listen.http
    config::LogOptions log;
    config::StringPairs labels;
    std::string host_name;  ///< the label `host`
    hostmetrics::HostMetricsOptions host_metrics;
    std::vector<input::TailOptions> tails;     ///< `id` and `labels` filled in
    std::vector<OutputConfig> outputs;         ///< at least one
    std::vector<config::RouteOptions> routes;  ///< at least one
};

const config::Schema& agent_schema();

config::LoadedConfig<AgentConfig> load_agent_config(
    const std::string& path, const config::LoadOptions& options = {}
);

/// The same for text that is not in a file; `name` stands in messages.
config::LoadedConfig<AgentConfig> parse_agent_config(
    std::string name, std::string text, const config::LoadOptions& options = {}
);

}  // namespace seyir::agent
