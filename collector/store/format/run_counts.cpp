// SPDX-License-Identifier: Apache-2.0
#include "collector/store/format/run_counts.hpp"

#include <algorithm>

#include "common/record/level.hpp"

namespace seyir::store {

bool is_shown_as_level(std::string_view attribute) {
    // Label names keep letters, digits and `_`; anything else becomes `_`, spaces around it go.
    while (!attribute.empty() && (attribute.front() == ' ' || attribute.front() == '\t')) {
        attribute.remove_prefix(1);
    }
    if (attribute.starts_with("level")) {
        return attribute.find_first_not_of(" \t", 5) == std::string_view::npos;
    }
    constexpr size_t kUnderscore = 8;
    return attribute.size() >= kDetectedLevel.size() && attribute.starts_with("detected") &&
           attribute.substr(kUnderscore).find("level") != std::string_view::npos;
}

void count_runs(const RecordBatch& batch, const std::vector<StreamRun>& runs, BlockRow& row) {
    row.has_level_attrs = std::ranges::any_of(batch.keys(), [](std::string_view key) {
        return is_shown_as_level(key);
    });
    if (runs.size() > kCountedRunsMax) {
        return;
    }
    uint32_t next = 0;
    for (const StreamRun& run : runs) {
        RunCounts& counts = row.runs.emplace_back();
        counts.stream = run.stream;
        counts.min_ts = run.min_ts;
        counts.max_ts = run.max_ts;
        for (const uint32_t end = next + run.rows; next < end; ++next) {
            RunCounts::Level& level = counts.levels[level_index(level_of_row(batch, next))];
            ++level.rows;
            level.bytes += batch.body(next).size();
        }
    }
}

}  // namespace seyir::store
