// SPDX-License-Identifier: Apache-2.0
// Database: the RocksDB instance of a data directory: families, options, error mapping.
// Room: rows <-> bytes on disk; knows keys as bytes only.
// Threads: thread-safe; write() is called by one thread (the committer) only.
// Errors: kIo, kNoSpace, kCorrupt; kRefused when another process holds the directory.
// Ownership: shared; cursors keep it open. A snapshot must die before its database.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "common/base/result.hpp"

namespace seyir::store {

enum class Family : uint8_t { kMeta, kLane, kStage, kStream, kCatalogue, kMetric };

inline constexpr size_t kFamilies = 6;

struct DatabaseOptions {
    std::string path;
    /// Null: RocksDB's own POSIX environment.
    std::shared_ptr<rocksdb::Env> env;
    uint64_t memtable_bytes = 0;  ///< of the stage; the other families share an eighth of it
    uint64_t wal_bytes_max = 0;   ///< families with old rows are flushed beyond it
    bool deterministic = false;   ///< no background compaction, no log files
    bool read_only = false;       ///< must exist; another process may be using it
};

/// Rows to write together.
class WriteSet {
  public:
    void put(Family family, std::string_view key, std::string_view value);
    void erase(Family family, std::string_view key);
    /// [begin, end)
    void erase_range(Family family, std::string_view begin, std::string_view end);

    bool empty() const { return operations_ == 0; }

    size_t size_bytes() const { return bytes_; }

  private:
    friend class Database;

    explicit WriteSet(std::array<rocksdb::ColumnFamilyHandle*, kFamilies> handles, size_t reserve)
        : batch_(reserve), handles_(handles) {}

    rocksdb::WriteBatch batch_;
    std::array<rocksdb::ColumnFamilyHandle*, kFamilies> handles_;
    size_t operations_ = 0;
    size_t bytes_ = 0;
};

class Database;

/// The database as it was at one moment.
class Snapshot {
  public:
    explicit Snapshot(std::shared_ptr<Database> database);
    ~Snapshot();
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

    Database& database() const { return *database_; }

    const rocksdb::Snapshot* raw() const { return snapshot_; }

  private:
    std::shared_ptr<Database> database_;
    const rocksdb::Snapshot* snapshot_;
};

class Database {
  public:
    static Result<std::shared_ptr<Database>> open(const DatabaseOptions& options);
    ~Database();

    /// Rebuilds a database that cannot be opened from what its files still hold.
    static Result<void> repair(const DatabaseOptions& options);

    WriteSet new_write(size_t reserve_bytes = 0) const;
    /// Durable when it returns without an error; else nothing of it is visible, but it may come
    /// back when the database is opened again.
    Result<void> write(WriteSet set);

    Result<std::optional<std::string>> get(
        Family family, std::string_view key, const Snapshot* snapshot = nullptr
    ) const;
    /// Calls `on_row(key, value)` for keys in [begin, end) in order until it returns false.
    Result<void> scan(
        Family family,
        std::string_view begin,
        std::string_view end,
        const std::function<Result<bool>(std::string_view, std::string_view)>& on_row,
        const Snapshot* snapshot = nullptr
    ) const;

    /// A background job or a write failed: writes fail until the database is opened again. Not
    /// resumed: RocksDB 7.8 may go on with a log whose last write failed (and asserts).
    bool is_failed() const;

    /// Removes stage files when they are mostly rows that were cut: `live_bytes` is what was not.
    Result<void> compact_stage(uint64_t live_bytes);

    /// Cuts the log of synced writes when it has `log_bytes_min` and is mostly rows that were cut,
    /// so that an opening after a quiet time need not read it: they never reach a stage file.
    /// True: it was cut.
    Result<bool> trim_log(uint64_t log_bytes_min, uint64_t live_bytes);

    /// Writes the memtables out; the log of synced writes starts afresh.
    Result<void> flush();

    /// Joins the files that flushes of the stage left when there are many: a read asks all of them.
    Result<void> join_stage_files();

    /// A copy of the database in the new folder `path`, of hard links where that is possible. Its
    /// cost is that of flush(), which goes first.
    Result<void> checkpoint(const std::string& path);

  private:
    friend class Snapshot;
    struct Rep;

    explicit Database(std::unique_ptr<Rep> rep);

    std::unique_ptr<Rep> rep_;
};

/// Maps RocksDB's status; `doing` names the operation.
Error database_error(const rocksdb::Status& status, std::string_view doing);

}  // namespace seyir::store
