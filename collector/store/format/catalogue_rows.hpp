// SPDX-License-Identifier: Apache-2.0
// Values of the cat family: what is in a partition, in a segment, in a block. Segment files repeat
// the latter two, so that the catalogue can be rebuilt from files alone.
// Threads: pure functions.   Errors: kCorrupt, kUnsupported.   Format: docs/format/store-keys.md.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/format/rows.hpp"
#include "common/record/level.hpp"

namespace seyir::store {

struct DayTotals {
    uint64_t segments = 0;
    uint64_t blocks = 0;
    uint64_t rows = 0;
    uint64_t raw_bytes = 0;
    uint64_t file_bytes = 0;
    UnixNanos min_ts = UnixNanos::max();
    UnixNanos max_ts = UnixNanos::min();

    bool operator==(const DayTotals&) const = default;
};

struct SegmentSummary {
    Day day;           ///< from the key
    SegmentId id = 0;  ///< from the key
    TenantId tenant = TenantId::kDefault;
    UnixNanos min_ts = UnixNanos::max();
    UnixNanos max_ts = UnixNanos::min();
    uint64_t rows = 0;
    uint64_t raw_bytes = 0;
    uint64_t file_bytes = 0;  ///< 0 in the copy inside the file itself
    uint32_t blocks = 0;
    std::vector<StreamId> streams;  ///< ascending

    bool operator==(const SegmentSummary&) const = default;
};

/// Rows of one stream in a block, counted: what volume() needs instead of the rows.
struct RunCounts {
    struct Level {
        uint64_t rows = 0;
        uint64_t bytes = 0;  ///< of lines, without terminators

        bool operator==(const Level&) const = default;
    };

    StreamId stream = 0;
    UnixNanos min_ts;
    UnixNanos max_ts;
    std::array<Level, kLevels> levels{};  ///< by level_index

    bool operator==(const RunCounts&) const = default;
};

struct BlockRow {
    UnixNanos min_ts = UnixNanos::max();
    UnixNanos max_ts = UnixNanos::min();
    uint32_t rows = 0;
    uint64_t raw_bytes = 0;
    uint32_t stored_bytes = 0;  ///< of all columns
    uint64_t xxh3 = 0;          ///< of the block header, which holds the columns' hashes
    std::vector<StreamId> streams;
    /// One per stream, in their order; empty in rows of version 1 and of blocks of many streams.
    std::vector<RunCounts> runs;
    bool has_level_attrs = false;  ///< as Volume::has_level_attrs, of the whole block

    bool operator==(const BlockRow&) const = default;
};

/// Counts of a block with more runs would be greater than they are worth.
inline constexpr size_t kCountedRunsMax = 256;

std::string encode(const DayTotals& totals);
Result<DayTotals> decode_day_totals(std::string_view bytes);
std::string encode(const SegmentSummary& summary);
Result<SegmentSummary> decode_segment(Day day, SegmentId id, std::string_view bytes);
std::string encode(const BlockRow& row);
Result<BlockRow> decode_block_row(std::string_view bytes);

/// Adds a new segment to its day.
void add(DayTotals& totals, const SegmentSummary& summary);

/// `folder`/20261122/0000000000000007.sst
std::string segment_path(const std::string& folder, Day day, SegmentId id);
/// The id in such a file name.
std::optional<SegmentId> segment_id_from_name(std::string_view name);

}  // namespace seyir::store
