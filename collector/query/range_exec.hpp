// SPDX-License-Identifier: Apache-2.0
// Range aggregations: rows of the store -> series on the grid. The window [R] at T covers (T-R, T].
// Method: each row adds to the first step whose window holds it and takes away behind the last one
// (difference arrays), so rows may come in any order and cost the same for any range and step.
// Unwrapped values are kept until all rows are read (sample_windows.hpp).
// Threads: one query, one thread.   Memory: series times steps, or the unwrapped samples, limited
// by samples_max.
// Errors: kInvalidArgument when a row with __error__ reaches the aggregation (the query fails, as
// Loki's does).
#pragma once

#include <optional>
#include <string_view>

#include "collector/query/limits.hpp"
#include "collector/query/series.hpp"
#include "collector/store/log_store.hpp"
#include "common/logql/ast.hpp"

namespace seyir::query {

struct RangeRequest {
    TenantId tenant = TenantId::kDefault;
    std::string_view text;  ///< the whole query, for messages
    Grid grid;
    /// Sums over these groups while scanning (`sum by (...)` directly above the aggregation).
    std::optional<logql::Grouping> sum_into;
};

Result<Matrix> run_range_aggregation(
    store::LogStore& store,
    const logql::RangeAggregation& node,
    const RangeRequest& request,
    QueryContext& context
);

/// Counts, rates, byte sums and sums: sums of their parts, so a sum above may be computed while
/// scanning.
bool is_additive(logql::RangeOp op);

/// Rows a range aggregation looks at.
TimeRange scanned_range(const logql::RangeAggregation& node, const Grid& grid);

}  // namespace seyir::query
