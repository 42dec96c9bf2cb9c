// SPDX-License-Identifier: Apache-2.0
// restore: puts a backup back as a data directory, and tells the store so: agents then send again
// what the backup lacks and they still have.
// Room: Repository -> an empty data_dir.
// Threads: the caller's.   Errors: kConflict (the target holds something), kCorrupt naming file and
// place, the file system's. A restore that failed is gone on with by doing it again.
// Format: docs/format/backup.md
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "collector/backup/repository/repository.hpp"

namespace seyir::collector::backup {

struct RestoreRequest {
    std::string folder;
    std::string data_dir;
    /// The newest backup begun by then; nothing = the newest.
    std::optional<UnixNanos> at;
    /// Bytes done of bytes to do; false ends the work with kCancelled.
    std::function<bool(uint64_t done, uint64_t total)> on_progress;
};

struct RestoreReport {
    Manifest manifest;
    uint64_t copied_bytes = 0;  ///< less than all when an interrupted restore was gone on with
    uint32_t restore_generation = 0;
};

/// Which backup `at` means.
Result<Manifest> choose_backup(const Repository& repository, std::optional<UnixNanos> at);

Result<RestoreReport> restore(io::FileSystem& fs, const RestoreRequest& request);

}  // namespace seyir::collector::backup
