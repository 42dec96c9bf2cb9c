// SPDX-License-Identifier: Apache-2.0
// The query engine: a parsed query, a time and limits -> rows, a vector, a matrix or a number.
// Room: logql::Expr + LogStore -> QueryResult.
// Threads: run() is thread-safe; one query runs on the calling thread.
// Errors: kInvalidArgument and kUnsupported with the place in the query, kTooLarge, kTimeout,
// kCancelled, and the store's.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "collector/query/limits.hpp"
#include "collector/query/log_exec.hpp"
#include "collector/query/series.hpp"
#include "collector/store/log_store.hpp"
#include "common/logql/ast.hpp"

namespace seyir::query {

/// The same number at every step: what `1 + 1` gives.
struct Scalar {
    double value = 0;
};

using MetricResult = std::variant<Scalar, Matrix>;

/// Series sorted by labels unless the query ordered them.
Result<MetricResult> run_metric_query(
    store::LogStore& store,
    std::string_view text,
    const logql::Expr& expr,
    TenantId tenant,
    const Grid& grid,
    QueryContext& context
);

/// False where a query computes with numbers alone.
bool reads_records(const logql::Expr& expr);

/// What a query would do, for people; `grid` gives the time of metric queries, `range` of log ones.
Result<std::string> explain(
    std::string_view text, const logql::Expr& expr, TimeRange range, const Grid& grid
);

}  // namespace seyir::query
