// SPDX-License-Identifier: Apache-2.0
#include "collector/query/limits.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace seyir::query {
namespace {

std::string not_read(const store::CursorStats& cursor) {
    const uint64_t known = cursor.blocks_pruned + cursor.blocks_read + cursor.blocks_corrupt;
    std::string out;
    if (cursor.blocks_corrupt > 0) {
        out += fmt::format(" + {} unreadable", cursor.blocks_corrupt);
    }
    if (cursor.blocks_total > known) {
        out += fmt::format(" + {} not needed", cursor.blocks_total - known);
    }
    return out;
}

}  // namespace

QueryContext::QueryContext(
    const QueryLimits& limits, io::Clock& clock, std::function<bool()> cancelled
)
    : limits_(limits),
      clock_(clock),
      cancelled_(std::move(cancelled)),
      start_(clock.steady_now()) {}

Result<void> QueryContext::check() {
    if (cancelled_ && cancelled_()) {
        return fail(ErrorCode::kCancelled, "the client has gone");
    }
    if (clock_.steady_now() - start_ > limits_.deadline) {
        return fail(
            ErrorCode::kTimeout,
            fmt::format(
                "query ran longer than {}; ask for a shorter time or a narrower selector",
                format_duration(limits_.deadline)
            )
        );
    }
    return {};
}

Result<void> QueryContext::check_series(size_t series) const {
    if (series > limits_.series_max) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format(
                "maximum of series ({}) reached for a single query; group by fewer labels",
                limits_.series_max
            )
        );
    }
    return {};
}

Error QueryContext::too_many_samples() const {
    return fail(
        ErrorCode::kTooLarge,
        fmt::format(
            "maximum of samples ({}) reached for a single query; use a longer step, a shorter time "
            "or group by fewer labels",
            limits_.samples_max
        )
    );
}

Result<void> QueryContext::check_read(const store::CursorStats& running) {
    if (stats_.cursor.raw_bytes_read + running.raw_bytes_read > limits_.read_bytes_max) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format(
                "query reads more than {}; ask for a shorter time or a narrower selector",
                format_bytes(limits_.read_bytes_max)
            )
        );
    }
    return check();
}

void QueryContext::add(const store::CursorStats& cursor) {
    store::CursorStats& sum = stats_.cursor;
    sum.blocks_total += cursor.blocks_total;
    sum.blocks_out_of_time += cursor.blocks_out_of_time;
    sum.blocks_pruned += cursor.blocks_pruned;
    sum.blocks_pruned_by_stream += cursor.blocks_pruned_by_stream;
    sum.blocks_pruned_by_filter += cursor.blocks_pruned_by_filter;
    sum.blocks_read += cursor.blocks_read;
    sum.rows_read += cursor.rows_read;
    sum.raw_bytes_read += cursor.raw_bytes_read;
    sum.blocks_corrupt += cursor.blocks_corrupt;
    sum.corrupt.begin = std::min(sum.corrupt.begin, cursor.corrupt.begin);
    sum.corrupt.end = std::max(sum.corrupt.end, cursor.corrupt.end);
    sum.logs_lost += cursor.logs_lost;
    sum.lost_arrivals.begin = std::min(sum.lost_arrivals.begin, cursor.lost_arrivals.begin);
    sum.lost_arrivals.end = std::max(sum.lost_arrivals.end, cursor.lost_arrivals.end);
    sum.filters_damaged += cursor.filters_damaged;
    ++stats_.store_scans;
}

std::string explain(const QueryStats& stats) {
    const store::CursorStats& cursor = stats.cursor;
    std::string out = fmt::format(
        "blocks:  {} = {} outside the time + {} pruned by stream + {} by filter + {} read{}\n"
        "read:    {} rows, {} in {}\n",
        cursor.blocks_total + cursor.blocks_out_of_time,
        cursor.blocks_out_of_time,
        cursor.blocks_pruned_by_stream,
        cursor.blocks_pruned_by_filter,
        cursor.blocks_read,
        not_read(cursor),
        cursor.rows_read,
        format_bytes(cursor.raw_bytes_read),
        format_duration(stats.elapsed)
    );
    if (cursor.filters_damaged > 0) {
        out += fmt::format(
            "damaged: the filters of {} segments; all their blocks were read\n",
            cursor.filters_damaged
        );
    }
    return out;
}

QueryStats QueryContext::finish() {
    stats_.elapsed = clock_.steady_now() - start_;
    return stats_;
}

}  // namespace seyir::query
