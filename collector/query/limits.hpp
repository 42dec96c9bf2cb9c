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
    size_t samples_max = 20'000'000;        ///< series times steps held by a metric query
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

    const QueryLimits& limits() const { return limits_; }

    QueryStats& stats() { return stats_; }

    /// Stats with the time so far.
    QueryStats finish();

  private:
    QueryLimits limits_;
    io::Clock& clock_;
    std::function<bool()> cancelled_;
    SteadyTime start_;
    QueryStats stats_;
};

}  // namespace seyir::query
