// SPDX-License-Identifier: Apache-2.0
// CollectorConfig: everything seyir-collector is told, typed, defaults filled in, checked.
// Room: collector.yaml -> CollectorConfig; the app builds its parts from it.
// Threads: immutable after load.   Errors: in LoadedConfig::diagnostics; exit status 78.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "collector/input/input_options.hpp"
#include "collector/store/store_options.hpp"
#include "common/config/loader.hpp"
#include "common/config/sections/sections.hpp"
#include "plugins/output/output_options.hpp"

namespace seyir::collector {

struct NullOutputOptions {};

struct InputConfig {
    std::string id;
    std::variant<input::AgentsOptions, input::LokiOptions> options;
};

struct OutputConfig {
    std::string id;
    std::variant<
        store::StoreOptions,
        plugins::FileOutputOptions,
        plugins::StdoutOutputOptions,
        NullOutputOptions>
        options;
};

struct CollectorConfig {
    std::string data_dir;
    config::ListenOptions listen;
    config::ServerTls tls;                     ///< of listen.http
    std::vector<config::TokenOptions> tokens;  ///< of listen.http; empty: none are needed
    config::LogOptions log;
    std::vector<InputConfig> inputs;
    std::vector<OutputConfig> outputs;         ///< at least one, at most one store
    std::vector<config::RouteOptions> routes;  ///< at least one
};

const config::Schema& collector_schema();

config::LoadedConfig<CollectorConfig> load_collector_config(
    const std::string& path, const config::LoadOptions& options = {}
);

/// The same for text that is not in a file; `name` stands in messages.
config::LoadedConfig<CollectorConfig> parse_collector_config(
    std::string name, std::string text, const config::LoadOptions& options = {}
);

}  // namespace seyir::collector
