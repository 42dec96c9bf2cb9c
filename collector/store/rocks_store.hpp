// SPDX-License-Identifier: Apache-2.0
// RocksStore: the embedded LogStore. Batches are staged in a RocksDB write that also moves the
// lanes forward, then sealed into segment files; a catalogue row is what makes a segment count.
// Threads: thread-safe. Owns one committer and one (low-priority) sealer thread, unless `threads`
// is off: then append() queues, run_queued() commits and maintain() seals, on the caller's thread.
// Errors: open: kRefused (another process holds data_dir), kUnsupported (written by a newer
// version), kIo, kNoSpace, kCorrupt; append: see log_store.hpp, kBackpressure at the stage budget.
// Ownership: file system, clock and registry must outlive the store; cursors may outlive it.
// Format: docs/format/store-keys.md, docs/format/segment.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/backup_image.hpp"
#include "collector/store/format/keys.hpp"
#include "collector/store/log_store.hpp"
#include "collector/store/metric/metric_view.hpp"
#include "collector/store/retention_policy.hpp"
#include "common/base/units.hpp"
#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"
#include "common/metrics/registry.hpp"

namespace seyir::store {

/// In a data directory that is being put back from a backup; holds the backup's id.
inline constexpr std::string_view kRestoreMark = "restore.incomplete";

struct RocksStoreOptions {
    std::string data_dir;
    /// Null: the machine's, with RocksDB's own POSIX environment.
    io::FileSystem* fs = nullptr;
    io::Clock* clock = nullptr;            ///< null: the machine's
    metrics::Registry* metrics = nullptr;  ///< null: counted, but not shown
    bool threads = true;

    RetentionPolicy retention = Nanos(0);  ///< rows older than this are refused; 0 takes everything
    Nanos metrics_retention{0};            ///< of metric samples: refused and dropped; 0 keeps all
    uint64_t seal_bytes = 32 * kMiB;       ///< staged payload that starts a seal
    uint64_t stage_budget_bytes = 512 * kMiB;  ///< beyond it appends wait for the sealer
    uint64_t small_batches_max = 8192;  ///< staged batches below 64 KiB; beyond it they are joined
    uint64_t block_raw_bytes = kMiB;
    uint64_t seal_slice_raw_bytes = 32 * kMiB;  ///< rows the sealer holds in memory
    uint64_t seal_job_raw_bytes = 512 * kMiB;   ///< rows of one seal, about ten segments' worth
    uint64_t memtable_bytes = 64 * kMiB;
    uint64_t wal_bytes_max = 256 * kMiB;
    uint64_t group_bytes_max = 8 * kMiB;  ///< payload of one synced write
    /// Free space below which nothing is accepted; default max(2 %, 512 MiB) of the file system.
    std::optional<uint64_t> hard_free_bytes;
    /// Free space below which the store warns; default max(5 %, 2 GiB).
    std::optional<uint64_t> soft_free_bytes;
    uint64_t streams_max = 1'000'000;
    uint32_t open_segments_max = 64;
    bool is_being_restored = false;  ///< the caller is who left kRestoreMark
};

enum class DiskState { kOk, kSoftMark, kHardMark };

/// Free space of the disk and the marks it is held against.
struct DiskRoom {
    DiskState state = DiskState::kOk;
    uint64_t free_bytes = 0;  ///< 0 when the file system does not say
    uint64_t soft_bytes = 0;
    uint64_t hard_bytes = 0;
};

struct StoreHealth {
    bool ok = true;
    std::string message;  ///< what is wrong and what to do; "" when ok
    DiskState disk = DiskState::kOk;
    uint64_t free_bytes = 0;
    uint64_t corrupt_entries = 0;  ///< staged batches that could not be sealed
    /// Days due for removal that wait for an operator's confirmation.
    uint64_t days_held_back = 0;
    /// The clock was stepped: nothing is dropped for its age until an operator confirms.
    bool is_clock_stepped = false;
};

/// Which sealed segments are to go. One whose streams are kept differently long goes when all of
/// them are past their retention.
struct DropRule {
    UnixNanos now;
    RetentionPolicy retention = Nanos(0);  ///< days past it go
    uint64_t file_bytes_max = 0;  ///< the oldest segments until no more are left; 0 = any number
};

/// Segments of one day that go together.
struct PartReport {
    Day day;
    std::vector<SegmentId> segments;  ///< rising
    bool is_whole_day = true;         ///< the day has no others
    Nanos retention{0};               ///< they are past it; 0 = not because of their age
    uint64_t rows = 0;
    uint64_t raw_bytes = 0;
    uint64_t file_bytes = 0;

    /// "20261122"; of a part of it "20261122-kept7d" or "20261122-size".
    std::string name() const;
};

struct DropReport {
    std::vector<PartReport> dropped;    ///< oldest first
    std::vector<PartReport> held_back;  ///< due, but not without confirmation
    std::string reason;                 ///< why they are held back; "" if none are
    /// Past their retention, but not sealed yet: dropping takes only what is sealed.
    std::vector<PartReport> staged;
};

enum class SealScope {
    kDue,       ///< only if bytes, budget or the end of a day ask for it
    kPastDays,  ///< what is staged of past days
    kAll,       ///< everything staged, down to the last row
};

class RocksStore final : public LogStore {
  public:
    static Result<std::unique_ptr<RocksStore>> open(RocksStoreOptions options);
    /// Commits what is queued, stops the threads, closes the database.
    ~RocksStore() override;

    void append(Commit commit, AppendDone done) override;
    Result<uint32_t> begin_epoch(TenantId tenant, AgentId agent) override;
    Result<std::vector<CommittedPosition>> committed(
        TenantId tenant, AgentId agent, uint16_t output, const std::vector<SourceKey>& lanes
    ) override;
    Result<bool> knows_agent(TenantId tenant, AgentId agent) override;
    Result<std::unique_ptr<RowCursor>> select(SelectQuery query) override;
    Result<std::vector<StreamLabelsPtr>> streams(TenantId tenant, TimeRange range) override;
    Result<Volume> volume(const VolumeQuery& query) override;
    std::shared_ptr<void> subscribe(OnCommitted on_committed) override;
    StoreStats stats() override;

    StoreHealth health();
    /// As health(), without the rest. Cheap.
    DiskRoom disk_room() const;
    /// What sealed segments take of the disk.
    uint64_t segment_file_bytes() const;
    /// Those that ever stored something, rising.
    std::vector<TenantId> tenants();

    /// To be called every minute or so: seals at the end of a day, notices clock steps, drops days
    /// of metric samples past their retention. Cheap when nothing is due.
    Result<void> maintain();
    /// Metric samples as of now.
    Result<MetricView> metrics(TenantId tenant);
    /// Seals on the calling thread and waits for it.
    Result<void> seal(SealScope scope);
    /// What `rule` asks for; changes nothing. Without `confirm` at most two days of each
    /// retention are not held back, and none after the clock was stepped.
    Result<DropReport> due(const DropRule& rule, bool confirm);
    /// Drops the segments of `parts` that are still there, as due() gave them. kRefused when one
    /// would have been held back. Rows before `floor` are gone too, wherever they lie, but for
    /// those of days that still have segments.
    Result<void> drop(const std::vector<PartReport>& parts, UnixNanos floor, bool confirm);
    /// Rows of those segments of a day alone, by rising time; nothing staged.
    Result<std::unique_ptr<RowCursor>> select_segments(
        TenantId tenant, Day day, std::vector<SegmentId> segments
    );
    /// The data directory was put back from a backup: agents are told, and rewind.
    Result<uint32_t> raise_restore_generation();

    /// Everything a backup copies, as of now. One at a time.
    Result<BackupImagePtr> hold_image();

    /// Without threads: commits what is queued; returns how many appends were answered.
    size_t run_queued();
    /// Writes the database's memtables out (backup, tests).
    Result<void> flush();

  private:
    struct Rep;

    explicit RocksStore(std::unique_ptr<Rep> rep);

    std::unique_ptr<Rep> rep_;
};

}  // namespace seyir::store
