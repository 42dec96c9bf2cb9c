// SPDX-License-Identifier: Apache-2.0
// Backup: one run of it: holds the store's files still, copies what the folder lacks, names the
// backup, removes old ones.
// Room: RocksStore + a few files of data_dir -> Repository.
// Threads: run() one at a time; progress() and backups() are thread-safe.
// Errors: in the report; a run that failed has left earlier backups as they were.
// Cost: reads and copies what changed; of the rest some is read again (kRecheckBytesMin, or the
// 32nd part), of the others only file lengths are looked at.
// Ownership: borrows store, file system and clock.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "collector/backup/repository/repository.hpp"
#include "collector/store/rocks_store.hpp"
#include "common/io/clock.hpp"

namespace seyir::collector::backup {

struct BackupOptions {
    std::string data_dir;
    std::string folder;
    /// Beside the store's files, where they exist: files, or folders of files, below data_dir.
    std::vector<std::string> extras;
    size_t keep = 7;
};

struct BackupRequest {
    std::string trigger = "schedule";  ///< or "operator", "retry"
    bool recheck = false;              ///< reads everything again, mends what was damaged
};

struct BackupReport {
    UnixNanos at;
    Nanos took{0};
    BackupRequest request;
    std::string id;  ///< "" when it failed
    uint64_t records = 0;
    uint64_t files = 0;
    uint64_t bytes = 0;
    uint64_t copied_files = 0;
    uint64_t copied_bytes = 0;
    std::vector<std::string> removed;  ///< ids
    uint64_t freed_bytes = 0;
    /// Files of the store that fail their own checksums, found now or by an earlier backup: they
    /// are in the backup as they are, or as they were before.
    std::vector<std::string> damaged;
    /// Of old copies that were read again because it was their turn.
    uint64_t rechecked_bytes = 0;
    std::vector<std::string> mended;  ///< old copies that had changed and were made again
    std::string error;                ///< "": the backup is there

    bool ok() const { return error.empty(); }

    std::string json() const;
    /// "backup 20261122T213000Z: 12 of 130 files copied, 88.1 MiB, in 1.2s", for people.
    std::string text() const;
};

/// One that is in the folder.
struct BackupSummary {
    std::string id;
    UnixNanos begun;
    uint64_t records = 0;
    uint64_t raw_bytes = 0;
    uint64_t files = 0;
    uint64_t bytes = 0;
    uint64_t damaged_files = 0;  ///< of the store, when it was made
    UnixNanos written;           ///< mtime of its manifest
};

struct BackupProgress {
    uint64_t files_done = 0;
    uint64_t files_total = 0;
    uint64_t bytes_done = 0;
    uint64_t bytes_total = 0;  ///< to copy, at most
};

class Backup {
  public:
    Backup(
        store::RocksStore& store,
        io::FileSystem& fs,
        io::Clock& clock,
        BackupOptions options,
        std::function<bool()> should_stop
    );

    BackupReport run(const BackupRequest& request);

    BackupProgress progress() const;
    /// When the newest backup in the folder was begun.
    std::optional<UnixNanos> last_done() const;
    /// As they stand in the folder, oldest first; those that cannot be read are left out. Reads
    /// manifests it has not read before.
    Result<std::vector<BackupSummary>> backups();

    const BackupOptions& options() const { return options_; }

  private:
    struct Work;

    Result<void> make(BackupReport& report);
    Result<std::vector<store::ImageFile>> extra_files() const;
    Result<void> add_files(Work& work);
    Result<void> add_file(Work& work, const store::ImageFile& file, bool is_whole);
    Result<void> find_last(Work& work, const store::BackupImage& image);
    void plan_recheck(Work& work);
    bool recheck_old(Work& work, const store::ImageFile& file, const ManifestFile& known);
    bool on_bytes(uint64_t bytes);

    store::RocksStore& store_;
    io::FileSystem& fs_;
    io::Clock& clock_;
    const BackupOptions options_;
    const std::function<bool()> should_stop_;

    std::atomic<uint64_t> files_done_ = 0;
    std::atomic<uint64_t> files_total_ = 0;
    std::atomic<uint64_t> bytes_done_ = 0;
    std::atomic<uint64_t> bytes_total_ = 0;

    std::mutex summaries_mutex_;
    std::map<std::string, BackupSummary> summaries_;
};

}  // namespace seyir::collector::backup
