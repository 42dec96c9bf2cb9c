// SPDX-License-Identifier: Apache-2.0
// CollectorConfig: collector.yaml, read and checked.
// Room: path -> CollectorConfig, or diagnostics.   Threads: the loading thread.
#pragma once

#include <string>

#include "collector/app/limits.hpp"
#include "collector/backup/backup_options.hpp"
#include "collector/retention/clean_up_options.hpp"
#include "collector/store/store_options.hpp"
#include "common/component/program_config.hpp"

namespace seyir::collector {

struct CollectorConfig : component::ProgramConfig {
    /// Of the `store` output; the defaults when there is none.
    store::StoreOptions store;
    retention::CleanUpConfig clean_up;
    backup::BackupConfig backup;
    LimitsConfig limits;
};

/// The component types and the schema without plugins.
const component::ProgramTypesPtr& collector_types();

inline const config::Schema& collector_schema() {
    return collector_types()->schema;
}

config::LoadedConfig<CollectorConfig> load_collector_config(
    const std::string& path, const config::LoadOptions& options = {}
);

config::LoadedConfig<CollectorConfig> parse_collector_config(
    std::string name, std::string text, const config::LoadOptions& options = {}
);

}  // namespace seyir::collector
