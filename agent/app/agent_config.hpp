// SPDX-License-Identifier: Apache-2.0
// AgentConfig: agent.yaml, read and checked.
// Room: path -> AgentConfig, or diagnostics.   Threads: the loading thread.
#pragma once

#include <string>

#include "agent/hostmetrics/host_metrics_options.hpp"
#include "common/component/program_config.hpp"

namespace seyir::agent {

struct AgentConfig : component::ProgramConfig {
    hostmetrics::HostMetricsOptions host_metrics;
    uint64_t disk_bytes_max = 0;  ///< buffers and held deleted files together; 0 = no cap
};

/// The component types and the schema without plugins.
const component::ProgramTypesPtr& agent_types();

inline const config::Schema& agent_schema() {
    return agent_types()->schema;
}

config::LoadedConfig<AgentConfig> load_agent_config(
    const std::string& path, const config::LoadOptions& options = {}
);

config::LoadedConfig<AgentConfig> parse_agent_config(
    std::string name, std::string text, const config::LoadOptions& options = {}
);

}  // namespace seyir::agent
