// SPDX-License-Identifier: Apache-2.0
// LogStore: durable, exactly-once storage of records and the only way to read them back.
// Room: BatchView -> (fsync) -> Durable; SelectQuery -> pages of rows.
// Threads: thread-safe.   Ownership: batches are shared; pages own what they show.
// Errors: kNoSpace and kIo are retryable and store nothing; kConflict = fenced epoch; kCorrupt is
// contained to the block it was found in (reported through CursorStats, never silently skipped).
// RocksStore (rocks_store.hpp) is the embedded implementation; test/support has an in-memory one
// that is the oracle.   Why: docs/adr/0007-log-store-interface.md
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collector/store/line_wants.hpp"
#include "common/base/needle.hpp"
#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/record/batch.hpp"

namespace seyir::store {

/// What one frame (or one push) yields for one output; commits in one write.
struct Commit {
    uint16_t output = 0;  ///< which store output of the pipeline; part of the lane key
    /// Its batch holds all positions, also those whose rows a route left out, and the provenance:
    /// an epoch below the one begin_epoch gave is fenced; the same push_hash within ten minutes is
    /// answered as duplicate and not stored.
    BatchView view;
};

/// Answer to an append: everything in it is on stable storage.
struct Durable {
    uint32_t accepted = 0;
    uint32_t duplicate = 0;
    uint32_t rejected = 0;  ///< rows outside limits (too old for retention), counted by reason
    std::string reject_reason;
    /// Which ones, as indexes into the commit's batch, ascending; empty for samples.
    std::vector<uint32_t> rejected_rows;
    std::vector<LaneVerdict> lanes;  ///< lanes that were not kStored, with where to resume
};

using AppendDone = std::move_only_function<void(Result<Durable>)>;

struct CommittedPosition {
    SourceKey key;
    uint64_t committed = 0;
    uint64_t tail_hash = 0;
};

enum class Direction { kForward, kBackward };

struct SelectQuery {
    TenantId tenant = TenantId::kDefault;
    TimeRange range;
    Direction direction = Direction::kBackward;
    /// Which streams; must be pure and thread-safe. Empty = all.
    std::function<bool(const StreamLabels&)> stream_matches;
    /// Every wanted row holds this: a hint for pruning, rows without it may still be returned.
    Needle holds;
    /// What is wanted of lines; null = whole lines of all rows.
    std::shared_ptr<const LineWants> wants;
};

struct CursorStats {
    uint64_t blocks_total = 0;        ///< in the time range
    uint64_t blocks_out_of_time = 0;  ///< seen by the walk and outside the range
    uint64_t blocks_pruned = 0;       ///< of the total: by stream and by filter
    uint64_t blocks_pruned_by_stream = 0;
    uint64_t blocks_pruned_by_filter = 0;
    uint64_t blocks_read = 0;
    uint64_t rows_read = 0;
    uint64_t raw_bytes_read = 0;
    uint64_t blocks_corrupt = 0;  ///< could not be read; the answer is partial
    TimeRange corrupt{UnixNanos::max(), UnixNanos::min()};  ///< where they are; the end included
    /// Of blocks_corrupt: damaged logs, of whose records no more is known than when they came.
    uint64_t logs_lost = 0;
    TimeRange lost_arrivals{UnixNanos::max(), UnixNanos::min()};  ///< the end excluded
    /// Filters of segments that could not be asked: their blocks were read, nothing is missing.
    uint64_t filters_damaged = 0;
};

/// What volume() counts: rows and bytes of streams, without giving the rows.
struct VolumeQuery {
    TenantId tenant = TenantId::kDefault;
    TimeRange range;
    /// As in SelectQuery.
    std::function<bool(const StreamLabels&)> stream_matches;
    /// Length of a bucket, counted from range.begin; 0 = one bucket for all.
    Nanos bucket{0};
    /// Apart by level (level_of_row).
    bool by_level = false;
    /// Looked at now and then; true = stop with kCancelled.
    std::function<bool()> cancelled;
};

/// More cells than this in one answer are refused.
inline constexpr size_t kVolumeCellsMax = 4'000'000;

struct VolumeCell {
    uint32_t bucket = 0;
    uint8_t level = 0;  ///< level_index; 0 unless by_level
    uint64_t rows = 0;
    uint64_t bytes = 0;  ///< of lines, without terminators

    bool operator==(const VolumeCell&) const = default;
};

struct StreamVolume {
    StreamLabelsPtr labels;
    std::vector<VolumeCell> cells;  ///< by bucket, then level; none is empty
};

struct Volume {
    std::vector<StreamVolume> streams;  ///< in no order; none without rows
    /// A counted row has an attribute that is shown as `level` or `detected_level`, so these labels
    /// may say more than the cells. Only with by_level.
    bool has_level_attrs = false;
    CursorStats stats;
};

/// Which of two pages came first, for rows of one stream and time: segments by number and block,
/// then what is staged by commit.
struct PageOrder {
    bool is_staged = false;
    uint64_t number = 0;
    uint32_t block = 0;

    auto operator<=>(const PageOrder&) const = default;
};

/// Rows of one block (or staged commit) that match stream and time.
struct Page {
    RecordBatchPtr batch;
    Selection rows;  ///< in the batch's order, which need not be time order
    /// Only when asked for (LineWants): not all rows have their line. Null: all have.
    std::shared_ptr<const LineValues> values;
    /// With values: these rows of the batch (ascending) once more, with their lines. Until the
    /// cursor's next page; none when the block turns out to be bad, which stats() says.
    std::function<Result<RecordBatchPtr>(std::span<const uint32_t>)> read_lines;
    PageOrder order;
};

/// A consistent snapshot of the moment select() was called.
/// Threads: one at a time.
class RowCursor {
  public:
    virtual ~RowCursor() = default;
    /// Pages in order of their leading edge: falling max time when backward, rising min time when
    /// forward. Nothing = end.
    virtual Result<std::optional<Page>> next() = 0;
    /// No row of a later page lies beyond this time (later when backward, earlier when forward);
    /// nothing at the end. Lets a limit query stop early.
    virtual std::optional<UnixNanos> next_bound() const = 0;
    virtual CursorStats stats() const = 0;
};

struct StoreStats {
    uint64_t records = 0;  ///< stored since the beginning, minus dropped partitions
    uint64_t raw_bytes = 0;
    uint64_t disk_bytes = 0;  ///< segments + database files
    uint64_t stage_bytes = 0;
    uint64_t segments = 0;
    uint64_t partitions = 0;
    UnixNanos oldest;
    UnixNanos newest;
    StoreId store_id;
    uint32_t restore_generation = 0;
};

class LogStore {
  public:
    virtual ~LogStore() = default;

    /// `done` runs once, on the store's committer thread, after the fsync that covers the commit
    /// (or with the error that prevented it). Rows of a successful append are in every select()
    /// that starts after `done`. Never blocks on the disk; the caller bounds what it has in flight.
    virtual void append(Commit commit, AppendDone done) = 0;

    /// Fences every older connection of the agent and gives the new epoch (persisted, rising).
    virtual Result<uint32_t> begin_epoch(TenantId tenant, AgentId agent) = 0;

    /// Committed positions of the lanes asked for; lanes the store does not know are left out.
    virtual Result<std::vector<CommittedPosition>> committed(
        TenantId tenant, AgentId agent, uint16_t output, const std::vector<SourceKey>& lanes
    ) = 0;

    /// True when the store has any lane of this agent.
    virtual Result<bool> knows_agent(TenantId tenant, AgentId agent) = 0;

    virtual Result<std::unique_ptr<RowCursor>> select(SelectQuery query) = 0;

    /// Streams with rows whose block overlaps the range (may hold a stream just outside it).
    virtual Result<std::vector<StreamLabelsPtr>> streams(TenantId tenant, TimeRange range) = 0;

    /// Exact; kTooLarge beyond kVolumeCellsMax.
    virtual Result<Volume> volume(const VolumeQuery& query) = 0;

    /// Calls back after each commit with what was stored, for live tail. The subscription ends when
    /// the returned handle is released. The callback runs on the committer thread: queue and leave.
    using OnCommitted = std::function<void(const BatchView&)>;
    virtual std::shared_ptr<void> subscribe(OnCommitted on_committed) = 0;

    virtual StoreStats stats() = 0;
};

}  // namespace seyir::store
