// SPDX-License-Identifier: Apache-2.0
// SegmentReader: blocks of one segment file. SegmentCache: the few files kept open.
// Room: block number -> rows; every byte is checked (XXH3) before it is believed.
// Threads: thread-safe.   Errors: kCorrupt, kIo, kNotFound (file missing); the caller skips the
// block and says so.   Limits: open_max files open.   Format: docs/format/segment.md
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "collector/store/disk/segment_writer.hpp"
#include "collector/store/format/block_header.hpp"
#include "collector/store/gram/segment_filter.hpp"
#include "collector/store/line_wants.hpp"

namespace seyir::store {

/// Which blocks of a segment may hold what was asked for.
struct PossibleBlocks {
    std::vector<bool> is_possible;  ///< by number; blocks beyond the end are possible
    uint64_t damaged_groups = 0;    ///< could not be asked: all their blocks are possible
    std::string damage;             ///< what was wrong with the first of them

    bool contains(uint32_t block) const {
        return block >= is_possible.size() || is_possible[block];
    }
};

/// Rows a query wants. What it leaves out need not be read.
struct RowChoice {
    TimeRange range{UnixNanos::min(), UnixNanos::max()};
    std::function<bool(const StreamLabels&)> stream_matches;  ///< empty: all
    std::shared_ptr<const LineWants> wants;                   ///< null: whole lines of all
};

struct BlockRows {
    RecordBatchPtr batch;
    std::shared_ptr<const LineValues> values = nullptr;  ///< null: all rows have their line
    /// As Page::read_lines, while the reader lives; only with values.
    std::function<Result<RecordBatchPtr>(std::span<const uint32_t>)> read_lines = nullptr;
    uint64_t rows_read = 0;       ///< looked at, whether the batch has them or not
    uint64_t raw_bytes_read = 0;  ///< of their lines; of some rows of a block about so many
};

class SegmentReader {
  public:
    static Result<std::shared_ptr<SegmentReader>> open(
        const SegmentFiles& files, Day day, SegmentId id
    );
    ~SegmentReader();

    Result<BlockHeader> header(uint32_t block, uint64_t xxh3) const;
    /// All rows, or of a block of columns only those that are chosen.
    Result<BlockRows> read_block(
        uint32_t block,
        const BlockRow& row,
        TenantId tenant,
        BatchDecoder& decoder,
        const RowChoice& choice = {}
    ) const;
    /// Asks the file's filter; a file without one, or with a damaged one, rules nothing out.
    PossibleBlocks find_blocks(const gram::KeyTree& keys) const;
    /// What the file says of its blocks and of itself; for rebuilding the catalogue and for tests.
    Result<BlockRow> block_row(uint32_t block) const;
    Result<SegmentSummary> summary(Day day, SegmentId id) const;
    Result<StreamLabelsPtr> labels(StreamId stream) const;

  private:
    struct Rep;
    struct OpenBlock;

    explicit SegmentReader(std::unique_ptr<Rep> rep);
    Result<BlockRows> read_columns(
        uint32_t block, const BlockHeader& head, TenantId tenant, const RowChoice& choice
    ) const;
    Result<std::string> get(std::string_view key) const;
    Result<std::optional<std::string>> find(std::string_view key) const;
    Result<std::vector<gram::Group>> filter_groups() const;

    std::unique_ptr<Rep> rep_;
};

class SegmentCache {
  public:
    SegmentCache(SegmentFiles files, size_t open_max)
        : files_(std::move(files)), open_max_(open_max) {}

    Result<std::shared_ptr<SegmentReader>> get(Day day, SegmentId id);
    void forget(Day day, const std::vector<SegmentId>& ids);
    void clear();

  private:
    using Key = std::pair<Day, SegmentId>;

    struct Open {
        std::shared_ptr<SegmentReader> reader;
        std::list<Key>::iterator place;
    };

    SegmentFiles files_;
    size_t open_max_;
    std::mutex mutex_;
    std::list<Key> by_use_;  // most recent first
    std::map<Key, Open> open_;
};

}  // namespace seyir::store
