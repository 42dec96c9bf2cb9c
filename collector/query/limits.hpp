// SPDX-License-Identifier: Apache-2.0
// QueryLimits: what one query may use; QueryContext: what it has used, and when it must stop.
// Threads: a context belongs to one query; `cancelled` may look at other threads' state.
// Errors: kTimeout (deadline), kCancelled (client gone), kTooLarge (a limit, named with its value).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "collector/store/log_store.hpp"
#include "common/base/result.hpp"
#include "common/base/units.hpp"
#include "common/io/clock.hpp"

namespace seyir::query {

struct QueryLimits {
    uint32_t rows_default = 100;
    uint32_t rows_max = 1'000'000;
    Nanos deadline = std::chrono::minutes(5);
    uint64_t read_bytes_max = 1024 * kGiB;  ///< raw bytes a query may look at
    uint64_t result_bytes_max = 1 * kGiB;   ///< lines and labels a log query may hold
    size_t series_max = 50'000;             ///< distinct label sets of a result
    size_t points_max = 11'000;             ///< steps of a range query (Prometheus' limit)
    /// Series times steps a metric query may hold at once, and its labels: kSampleBytes each.
    size_t samples_max = 20'000'000;
    /// Every row has a detected_level, found in the row where its severity says none.
    bool detects_level = false;
};

struct QueryStats {
    store::CursorStats cursor;
    uint64_t rows_matched = 0;
    uint64_t store_scans = 0;  ///< select() calls
    Nanos elapsed{0};
};

/// For people, behind an explained query: blocks in all, ruled out by each means, read. Two or
/// three lines.
std::string explain(const QueryStats& stats);

class QueryContext {
  public:
    QueryContext(const QueryLimits& limits, io::Clock& clock, std::function<bool()> cancelled = {});

    /// Call between pages and every few thousand rows.
    Result<void> check();
    /// Adds what a finished cursor read.
    void add(const store::CursorStats& cursor);
    /// As check(), and counts bytes of the cursor being read.
    Result<void> check_read(const store::CursorStats& running);

    /// Counts samples that this query is about to hold, all its parts together; kTooLarge beyond
    /// samples_max.
    Result<void> hold(size_t samples) {
        held_ += samples;
        return held_ <= limits_.samples_max ? Result<void>() : too_many_samples();
    }

    /// Of those only so many are still held.
    void hold_only(size_t samples) { held_ = samples; }

    size_t held() const { return held_; }

    /// kTooLarge where there are more series than series_max.
    Result<void> check_series(size_t series) const;

    const QueryLimits& limits() const { return limits_; }

    QueryStats& stats() { return stats_; }

    /// Stats with the time so far.
    QueryStats finish();

  private:
    Error too_many_samples() const;

    QueryLimits limits_;
    size_t held_ = 0;
    io::Clock& clock_;
    std::function<bool()> cancelled_;
    SteadyTime start_;
    QueryStats stats_;
};

}  // namespace seyir::query
