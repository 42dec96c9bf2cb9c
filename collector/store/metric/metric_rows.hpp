// SPDX-License-Identifier: Apache-2.0
// MetricRows: what bodies of metric samples become in the database: the table of series once a day,
// and a row of values for each time.
// Threads: the committer's alone.
// Errors: kIo when the database cannot be asked; anything else is the body's fault.
// Format: docs/format/store-keys.md, "metric".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/store/disk/database.hpp"
#include "collector/store/format/keys.hpp"
#include "common/base/time.hpp"

namespace seyir::store {

struct MetricSource {
    TenantId tenant = TenantId::kDefault;
    AgentId agent;
    UnixNanos oldest;  ///< samples before it are past retention
};

struct MetricRows {
    struct Row {
        std::string key;
        std::string value;
    };

    std::vector<Row> rows;
    uint64_t samples = 0;  ///< values in them
    uint64_t too_old = 0;  ///< times left out

    Result<void> add(const Database& database, const MetricSource& source, std::string_view body);
};

}  // namespace seyir::store
