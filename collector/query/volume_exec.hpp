// SPDX-License-Identifier: Apache-2.0
// Counts, rates and byte sums that LogStore::volume() can tell: log volume, level histograms. No
// row is read where the store keeps counts. Room: logql::RangeAggregation + LogStore -> Matrix, or
// nothing where rows must be read. Threads: one query, one thread.   Errors: as
// run_range_aggregation.
#pragma once

#include <optional>

#include "collector/query/plan.hpp"
#include "collector/query/range_exec.hpp"

namespace seyir::query {

/// Nothing unless the stages pass every row or test detected_level only, the windows do not
/// overlap, and the sum is by labels that all rows of a stream share or by level.
Result<std::optional<Matrix>> run_by_volume(
    store::LogStore& store,
    const LogPlan& plan,
    const logql::RangeAggregation& node,
    const RangeRequest& request,
    QueryContext& context
);

}  // namespace seyir::query
