// SPDX-License-Identifier: Apache-2.0
// Repository: a folder of backups. Backups share files; a file goes when no manifest names it.
//
//     FOLDER/backups/20261122T213000Z.json   manifests, written last
//     FOLDER/files/3f/3f09..e1               content, named by its hash
//     FOLDER/partial/                        what is being copied
//     FOLDER/lock
//
// Threads: one owner; a second writer, of any process, is refused.
// Errors: the file system's; kConflict (in use), kCorrupt (a manifest).
// Crash: every step leaves earlier backups whole; collect() removes what an interrupted run left.
// Format: docs/format/backup.md
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collector/backup/repository/file_copy.hpp"

namespace seyir::collector::backup {

class Repository {
  public:
    Repository(io::FileSystem& fs, std::string folder) : fs_(fs), folder_(std::move(folder)) {}

    /// True when there is anything that looks like one.
    bool exists() const;

    /// Makes the folder and locks it for as long as this lives.
    Result<void> open_to_write();

    /// Ids, oldest first; also of manifests that cannot be read.
    Result<std::vector<std::string>> ids() const;
    Result<Manifest> read(const std::string& id) const;

    std::string manifest_path(const std::string& id) const;
    std::string file_path(const ContentHash& hash) const;
    /// By length; verify() looks inside.
    bool has(const FileContent& content) const;

    struct Added {
        FileContent content;
        uint64_t copied_bytes = 0;  ///< 0: it was there
    };

    /// Reads it, and compares.
    bool is_sound(const FileContent& content, const OnBytes& on_bytes) const;

    /// Copies, syncs, reads back. `bytes`: how many it must have; without, as many as there are.
    /// `recheck`: what is there is read too, and replaced if it differs.
    Result<Added> add(
        const std::string& source,
        std::optional<uint64_t> bytes,
        bool recheck,
        const OnBytes& on_bytes
    );

    /// Names a new backup begun at that time.
    Result<std::string> new_id(UnixNanos begun) const;
    /// The backup exists when this returns.
    Result<void> commit(const Manifest& manifest);

    struct Collected {
        std::vector<std::string> removed_ids;
        uint64_t files = 0;
        uint64_t bytes = 0;
    };

    /// Removes all but the newest `keep` backups, then files no manifest names. Removes no file
    /// while a manifest cannot be read.
    Result<Collected> collect(size_t keep, std::string_view newest = {});

  private:
    Result<void> sync_new_folders();

    io::FileSystem& fs_;
    const std::string folder_;
    std::shared_ptr<void> lock_;
    std::vector<std::string> touched_;  ///< folders with names that are not synced yet
};

/// What was found; problems read "FILE: what, which file of which backup".
struct RepositoryCheck {
    uint64_t files = 0;
    uint64_t bytes = 0;
    std::vector<std::string> problems;
};

/// `ids`: which backups; each content is read once. `on_bytes` as in copy_file.
Result<RepositoryCheck> check_repository(
    io::FileSystem& fs,
    const Repository& repository,
    const std::vector<std::string>& ids,
    const OnBytes& on_bytes
);

}  // namespace seyir::collector::backup
