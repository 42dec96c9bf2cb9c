// SPDX-License-Identifier: Apache-2.0
// export_page: a stretch of the store's records in order of time, whole, one JSON document a line.
// Room: RowCursor -> lines of docs/format/record-json.md.
// Threads: one owner.   Memory: held_bytes_max of lines, or those of one instant if they are more.
// Errors: the store's; those of QueryContext; kTooLarge when the records of one instant exceed
// instant_bytes_max.   Order: by time, then by the line's bytes, so that the same records always
// make the same bytes. Blocks overlap in time: what would have to be held beyond the limit is left
// to the next page, whose blocks are then read again.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "collector/query/limits.hpp"
#include "collector/store/log_store.hpp"
#include "common/base/units.hpp"

namespace seyir::collector::api {

struct ExportLimits {
    uint64_t held_bytes_max = 32 * kMiB;
    uint64_t instant_bytes_max = 256 * kMiB;
    uint64_t page_bytes_max = 256 * kMiB;  ///< then the page ends where the time allows
    Nanos page_time_max = std::chrono::seconds(10);
};

struct ExportRequest {
    TenantId tenant = TenantId::kDefault;
    TimeRange range;
    std::function<bool(const StreamLabels&)> stream_matches;
};

struct ExportEnd {
    uint64_t records = 0;
    UnixNanos next;  ///< where the next page begins; the end of the range = this was the last
    store::CursorStats cursor;
};

/// `write` gets a line with its '\n'; false = nobody wants more (kCancelled).
Result<ExportEnd> export_page(
    store::LogStore& store,
    const ExportRequest& request,
    const ExportLimits& limits,
    query::QueryContext& running,
    io::Clock& clock,
    const std::function<bool(std::string_view line)>& write
);

}  // namespace seyir::collector::api
