// SPDX-License-Identifier: Apache-2.0
// Log queries: the newest (or oldest) `limit` rows of all streams that pass the stages.
// Room: LogPlan + LogStore -> LogResult.
// Threads: one query, one thread.
// Memory: the result (limited by rows and result_bytes_max), one page, and one label set per output
// stream. Rows that a better one pushes out of the limit are freed at once.
// Errors: those of the store and of QueryContext.
// Spec: log-query answers of Loki's HTTP API.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "collector/query/limits.hpp"
#include "collector/query/plan.hpp"
#include "collector/query/series.hpp"
#include "collector/store/log_store.hpp"

namespace seyir::query {

struct LogRequest {
    TenantId tenant = TenantId::kDefault;
    TimeRange range;
    store::Direction direction = store::Direction::kBackward;
    uint32_t limit = 100;
    /// Streams carry stream labels only; each row tells its metadata and parsed labels apart.
    bool categorize = false;
    /// Of all rows, in the order of the answer, only those at least so far from the one kept before
    /// (Loki's `interval`); 0 = all.
    Nanos interval{0};
};

/// Bytes in one allocation: the line, then (categorized) the row's own labels as JSON.
class LogRow {
  public:
    LogRow() = default;
    LogRow(UnixNanos ts, std::string_view line, std::string_view labels_json);

    UnixNanos ts() const { return ts_; }

    std::string_view line() const { return {bytes_.get(), line_bytes_}; }

    /// `{"structuredMetadata":{..},"parsed":{..}}` without empty parts; "" unless categorized.
    std::string_view labels_json() const { return {bytes_.get() + line_bytes_, json_bytes_}; }

    size_t bytes() const { return sizeof(LogRow) + line_bytes_ + json_bytes_; }

  private:
    UnixNanos ts_;
    uint32_t line_bytes_ = 0;
    uint32_t json_bytes_ = 0;
    std::unique_ptr<char[]> bytes_;
};

struct LogStream {
    LabelSet labels;
    std::vector<LogRow> rows;  ///< newest first when backward; equal times keep their stored order
};

struct LogResult {
    std::vector<LogStream> streams;  ///< by labels
};

Result<LogResult> run_log_query(
    store::LogStore& store, const LogPlan& plan, const LogRequest& request, QueryContext& context
);

}  // namespace seyir::query
