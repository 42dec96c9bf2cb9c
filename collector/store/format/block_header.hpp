// SPDX-License-Identifier: Apache-2.0
// The header of a sealed block: which columns it has and how they are coded, which rows belong to
// which stream, and room for a filter. A reader that does not know a column skips it.
// Threads: pure functions.   Errors: kCorrupt, kUnsupported.   Format: docs/format/segment.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/format/keys.hpp"
#include "common/base/result.hpp"

namespace seyir::store {

/// On disk: never renumber.
enum class ColumnId : uint16_t {
    kRows = 1,  ///< everything of all rows; coded as a batch payload
    // From 2 on: columns/block_encoder.hpp.
};

/// On disk: never renumber.
enum class ColumnCodec : uint8_t {
    kBatchPayload = 1,  ///< docs/format/batch.md, which names its own compression
    kColumns = 2,       ///< docs/format/columns.md; a column does not say its raw size
};

struct ColumnEntry {
    ColumnId id = ColumnId::kRows;
    ColumnCodec codec = ColumnCodec::kBatchPayload;
    uint32_t stored_bytes = 0;
    uint32_t raw_bytes = 0;
    uint64_t xxh3 = 0;  ///< of the stored bytes

    bool operator==(const ColumnEntry&) const = default;
};

/// Rows [first, first + rows) of the block belong to one stream and rise in time.
struct StreamRun {
    StreamId stream = 0;
    uint32_t rows = 0;
    UnixNanos min_ts;
    UnixNanos max_ts;

    bool operator==(const StreamRun&) const = default;
};

/// On disk: never renumber.
enum class FilterKind : uint8_t {
    kNone = 0,
    kGrams = 1,  ///< collector/store/gram
};

struct FilterSlot {
    FilterKind kind = FilterKind::kNone;
    uint32_t slot = 0;  ///< the block's bit in its segment's filter

    bool operator==(const FilterSlot&) const = default;
};

struct BlockHeader {
    uint32_t rows = 0;
    uint64_t raw_bytes = 0;
    UnixNanos min_ts;
    UnixNanos max_ts;
    FilterSlot filter;
    std::vector<ColumnEntry> columns;
    std::vector<StreamRun> runs;

    bool operator==(const BlockHeader&) const = default;

    const ColumnEntry* find(ColumnId id) const;
};

std::string encode(const BlockHeader& header);
Result<BlockHeader> decode_block_header(std::string_view bytes);

}  // namespace seyir::store
