// SPDX-License-Identifier: Apache-2.0
// check_data_dir: is what lies in a data directory what was stored? Every block is decoded behind
// its checksums, every staged batch too; rows of blocks, segments, days and stage are compared with
// what the catalogue promises, files with the catalogue; metric samples with their tables.
// Room: data_dir -> StoreCheck.   Threads: pure; the store may be running.
// Errors: kCorrupt (the database cannot be opened: nothing else can be said), kNotFound,
// kCancelled, kUnsupported (a newer version wrote it: nothing in it is damage). Memory: one block,
// and RocksDB's log replayed.   Cost: reads and unpacks everything once.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "collector/store/engine/log_guard.hpp"
#include "collector/store/format/catalogue_rows.hpp"
#include "collector/store/rocks_store.hpp"
#include "common/io/file_system.hpp"

namespace seyir::store {

/// What a query cannot read.
struct Damage {
    Day day;
    SegmentId segment = 0;
    std::optional<uint32_t> block;  ///< nothing: the whole file
    uint64_t rows = 0;
    uint64_t raw_bytes = 0;
    TimeRange range{UnixNanos::max(), UnixNanos::min()};  ///< the end included
    std::string file;                                     ///< below data_dir
    std::string what;
};

struct StoreCheck {
    StoreId store_id;
    uint64_t segments = 0;
    uint64_t blocks = 0;
    uint64_t sealed_rows = 0;  ///< decoded
    uint64_t staged_batches = 0;
    uint64_t staged_rows = 0;    ///< decoded
    uint64_t promised_rows = 0;  ///< by the catalogue and the stage
    uint64_t file_bytes = 0;
    uint64_t metric_rows = 0;  ///< times of hosts with metric samples
    uint64_t samples = 0;      ///< values in them
    std::vector<Damage> damages;
    /// What costs no sealed rows by itself: filters, sums that do not fit, staged batches, metrics.
    std::vector<std::string> problems;
    /// Files no catalogue row names, left by a crash: the next start removes them.
    std::vector<std::string> orphans;
    /// What is here may be sound while acknowledged records are not here.
    std::vector<LostLog> lost_logs;

    bool is_sound() const { return damages.empty() && problems.empty(); }
};

struct CheckOptions {
    std::function<bool(uint64_t done, uint64_t total)> on_progress;  ///< false: kCancelled
};

Result<StoreCheck> check_data_dir(
    io::FileSystem& fs, const std::string& data_dir, const CheckOptions& options = {}
);

/// The process that has the store open; nothing if there is none.
std::optional<int> user_of(const std::string& data_dir);

struct BadBatch {
    uint64_t number = 0;
    uint64_t rows = 0;  ///< as far as it says
};

class Database;
/// Staged batches that cannot be unpacked.
Result<std::vector<BadBatch>> find_bad_batches(const Database& database);

/// Table files of the database that fail their checksums: "db/000012.sst: ...".
std::vector<std::string> check_database_files(io::FileSystem& fs, const std::string& data_dir);

}  // namespace seyir::store
