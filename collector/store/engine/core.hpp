// SPDX-License-Identifier: Apache-2.0
// Core: what committer, sealer and cursors share: the database, the stage index, the catalogue.
// Threads: `view_mutex` guards `database`, `stage` and `floor`: whoever takes a View sees a stage
// index, a catalogue and a database snapshot that belong together. The rest is thread-safe itself
// or owned as noted.
// Ownership: shared by the store and its cursors.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "collector/store/disk/database.hpp"
#include "collector/store/disk/segment_reader.hpp"
#include "collector/store/engine/log_guard.hpp"
#include "collector/store/rocks_store.hpp"
#include "collector/store/state/catalogue.hpp"
#include "collector/store/state/stage_index.hpp"
#include "collector/store/state/stream_table.hpp"

namespace seyir::store {

/// Everything a query or a seal reads, as of one moment.
struct View {
    std::shared_ptr<const Snapshot> snapshot;
    StageIndex::Snapshot stage;
    CatalogueViewPtr catalogue;
    UnixNanos floor;  ///< rows before it are gone
};

struct Counters {
    explicit Counters(metrics::Registry& registry);

    metrics::Counter& groups;
    metrics::Counter& rows;
    metrics::Counter& metric_samples;
    metrics::Counter& duplicates;
    metrics::Counter& rejected_old;
    metrics::Counter& rejected_streams;
    metrics::Counter& failed_writes;
    metrics::Counter& sealed_rows;
    metrics::Counter& sealed_segments;
    metrics::Counter& expired_rows;
    metrics::Counter& corrupt_blocks;
    metrics::Counter& payload_blocks;
    metrics::Counter& damaged_filters;
    metrics::Gauge& stage_bytes;
    metrics::Histogram& write_seconds;
};

class Core {
  public:
    explicit Core(RocksStoreOptions options);

    /// Opens the database and reads what is needed to serve. Also used to open it again after a
    /// failed write (docs/adr/0011-reopen-after-a-failed-write.md).
    Result<void> load();
    /// Lets go of the database; notes that nothing of its log is cut off.
    void close();
    /// kIo while the database is being opened again.
    Result<View> view() const;
    Result<std::shared_ptr<Database>> open_database() const;

    /// Reads a staged payload, checks it and unpacks it.
    Result<RecordBatchPtr> read_stage(
        const Snapshot& snapshot, const StageEntry& entry, BatchDecoder& decoder
    ) const;

    DiskRoom disk_room() const;
    /// What is wrong below the hard mark, and the remedy.
    std::string no_room_text(const DiskRoom& room) const;
    /// Removes files that no catalogue row names (left by a crash). Requires: no seal is running.
    Result<void> remove_orphans() const;

    const RocksStoreOptions options;
    io::FileSystem& fs;
    io::Clock& clock;
    const SegmentFiles files;

    mutable std::mutex view_mutex;
    std::shared_ptr<Database> database;
    StageIndex stage;
    UnixNanos floor = UnixNanos::min();

    StreamTable streams;
    Catalogue catalogue;
    SegmentCache segments;
    StoreId store_id;
    std::atomic<uint32_t> restore_generation = 0;

    CommitNumber next_commit = 1;                 ///< the committer's
    std::atomic<SegmentId> next_segment = 1;      ///< the sealer's, but for load()
    std::atomic<int32_t> sealed_day = INT32_MIN;  ///< days before it were sealed at their end

    /// The database failed and waits to be opened again: whoever holds a view lets go of it.
    std::atomic<bool> is_reopening = false;
    std::atomic<uint64_t> corrupt_entries = 0;
    std::atomic<uint64_t> days_held_back = 0;
    /// The clock was stepped and no operator has confirmed since; also in the database.
    std::atomic<bool> is_clock_stepped = false;
    std::atomic<UnixNanos> log_since{UnixNanos::min()};  ///< as LogGuard::remember()
    mutable std::mutex trouble_mutex;
    std::string trouble;             ///< last failure of committer or sealer; "" when they work
    std::vector<LostLog> lost_logs;  ///< what is known to be missing, under trouble_mutex

    metrics::Registry own_registry;
    Counters counters;

    void set_trouble(std::string message);
    /// Makes an answer partial that records of a lost log may belong to.
    void add_missing(TimeRange asked, CursorStats& stats) const;
    /// A note that an operator deleted counts no more. Cheap when nothing is missing.
    Result<void> look_for_deleted_notes();
    /// What came before `since` is in table files: only later records are in the log.
    Result<void> remember_log(UnixNanos since);

  private:
    Result<void> read_lost_logs();
    Result<void> open_guarded(std::shared_ptr<Database>& opened);
    Result<void> load_meta(Database& db);
    Result<void> create_meta(Database& db);
    Result<void> load_streams(Database& db);
    Result<StageIndex> load_stage(Database& db);
};

}  // namespace seyir::store
