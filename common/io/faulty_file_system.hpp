// SPDX-License-Identifier: Apache-2.0
// FaultyFileSystem: a file system in memory that loses, tears and refuses writes the way a disk
// with a journalling file system may, so that recovery is tested against the worst allowed case:
//   - bytes not synced are lost at a power cut from some point on; the last kept bytes may be torn;
//   - overwrites and truncations not synced may or may not have happened, one may have by half;
//   - creations, renames and removals survive only up to some point unless their directory was
//     synced (per directory, in order: what journalling file systems promise);
//   - bytes whose sync failed never become durable, however often sync is called again (Linux).
// Room: tests and simulations only; linked into no program.
// Threads: thread-safe (one lock). Deterministic by seed as long as one thread at a time uses it.
// Limits: no symlinks; files and directories are inodes without permissions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "common/io/file_system.hpp"

namespace seyir::io {

enum class Fault {
    kPowerCut,    ///< this and every later operation fails until restart()
    kIoError,     ///< EIO; nothing of the operation happened
    kNoSpace,     ///< ENOSPC; nothing of the operation happened
    kShortWrite,  ///< a prefix was written, then EIO (appends and write_at; else as kIoError)
};

class FaultyFileSystem final : public FileSystem {
  public:
    explicit FaultyFileSystem(uint64_t seed);
    ~FaultyFileSystem() override;

    // --- what goes wrong ---
    /// The `nth` changing operation from now on (1 = the next) meets `fault`. One at a time: a
    /// later call replaces the plan. 0 cancels it.
    void plan_fault(uint64_t nth, Fault fault);
    /// Every changing operation fails with EIO with this probability.
    void set_error_rate(double probability);
    /// Bytes all files together may hold; default unlimited.
    void set_capacity(uint64_t bytes);
    /// Power cut now.
    void crash();
    bool crashed() const;
    /// Decides by seed what survived the power cut; handles opened before stay dead.
    void restart();
    /// Changing operations so far (writes, syncs, creations, renames, removals).
    uint64_t changes() const;
    /// Flips one bit of a file's content, behind everybody's back.
    Result<void> flip_bit(const std::string& path, uint64_t offset);

    // --- FileSystem ---
    Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
    Result<FileInfo> stat(const std::string& path) override;
    Result<FileInfo> lstat(const std::string& path) override;
    Result<std::vector<std::string>> list(const std::string& directory) override;
    Result<void> make_directories(const std::string& path) override;
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> remove(const std::string& path) override;
    Result<void> remove_directory(const std::string& path) override;
    Result<void> hard_link(const std::string& from, const std::string& to) override;
    Result<void> sync_directory(const std::string& directory) override;
    Result<uint64_t> free_bytes(const std::string& path) override;
    Result<uint64_t> total_bytes(const std::string& path) override;

  private:
    friend class FaultyFile;

    /// What an overwrite or a truncation replaced since the last sync.
    struct Undo {
        uint64_t offset = 0;
        std::string old_bytes;
        bool truncated = false;  ///< old_bytes were cut off at `offset`
        uint64_t durable_before = 0;
    };

    struct Node {
        bool is_directory = false;
        uint64_t inode = 0;
        std::string bytes;
        uint64_t durable_bytes = 0;  ///< this prefix survives a power cut (but for `undo`)
        bool sync_failed = false;    ///< the rest can never become durable
        std::vector<Undo> undo;
        uint64_t links = 1;
        UnixNanos changed;
    };

    using NodePtr = std::shared_ptr<Node>;

    struct EntryChange {
        std::string path;
        NodePtr before;  ///< null: no such name
        NodePtr after;
    };

    /// Changes of names not yet synced; undone together or not at all.
    struct NameChange {
        std::string directory;
        std::vector<EntryChange> entries;
    };

    Result<void> check_alive(const std::string& path) const;
    /// Counts a changing operation and says what goes wrong with it.
    Result<void> begin_change(const std::string& path, bool& is_short);
    Result<void> begin_change(const std::string& path);
    NodePtr find(const std::string& path) const;
    Result<NodePtr> need_file(const std::string& path) const;
    void apply(NameChange change);
    Result<FileInfo> info_of(const std::string& path);
    uint64_t used_bytes() const;
    void lose_names();
    void lose_bytes(Node& node);
    uint64_t pick(uint64_t bound);

    Result<void> write_node(
        Node& node, const std::string& path, uint64_t at, std::string_view bytes
    );
    Result<void> sync_node(Node& node, const std::string& path);
    Result<void> truncate_node(Node& node, const std::string& path, uint64_t size_bytes);

    mutable std::mutex mutex_;
    std::mt19937_64 random_;
    std::map<std::string, NodePtr> nodes_;
    std::vector<NameChange> journal_;
    uint64_t generation_ = 1;  ///< grows at restart; handles of older ones are dead
    uint64_t next_inode_ = 1;
    uint64_t changes_ = 0;
    uint64_t fault_at_ = 0;
    Fault fault_ = Fault::kIoError;
    double error_rate_ = 0;
    uint64_t capacity_bytes_ = UINT64_MAX;
    bool crashed_ = false;
};

}  // namespace seyir::io
