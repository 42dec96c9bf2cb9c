// SPDX-License-Identifier: Apache-2.0
// Aggregations of unwrapped values: the samples of one series -> a value a step. The window [R] at
// T covers (T-R, T]; samples of one time keep the order in which they were stored. Threads: pure
// functions.   Errors: those of QueryContext (deadline, client gone). Spec: Grafana's LogQL
// reference, "unwrapped range aggregations"; rate_counter extrapolates as Prometheus' rate does.
#pragma once

#include <cstdint>
#include <vector>

#include "collector/query/limits.hpp"
#include "collector/query/series.hpp"
#include "common/base/result.hpp"
#include "common/logql/ast.hpp"

namespace seyir::query {

struct Sample {
    int64_t ts_ns = 0;
    double value = 0;
    uint64_t sequence = 0;  ///< orders samples of one time
};

/// Sorts the samples by time. kAbsent where a window holds none.
Result<std::vector<double>> aggregate_windows(
    const logql::RangeAggregation& node,
    const Grid& grid,
    std::vector<Sample>& samples,
    QueryContext& context
);

}  // namespace seyir::query
