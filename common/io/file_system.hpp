// SPDX-License-Identifier: Apache-2.0
// FileSystem: the operating system's files behind one interface, so that tests can lose, tear and
// refuse writes (faulty_file_system.hpp) and production pays one virtual call per system call.
// Threads: FileSystem is thread-safe; a File belongs to one thread at a time (read_at excepted).
// Errors: kIo, kNoSpace, kNotFound; messages hold the path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"

namespace seyir::io {

/// What stat says of a file. `birth` is 0 where the file system keeps none (statx STATX_BTIME).
struct FileInfo {
    uint64_t device = 0;
    uint64_t inode = 0;
    uint64_t size_bytes = 0;
    uint64_t link_count = 0;
    uint32_t owner_uid = 0;
    bool is_regular = false;
    bool is_directory = false;
    bool is_symlink = false;
    UnixNanos birth;
    UnixNanos modified;
    UnixNanos changed;  ///< ctime: also names, owner, mode
};

/// An open file. The destructor closes it and swallows errors: call close() where they matter.
class File {
  public:
    virtual ~File() = default;
    /// Reads up to into.size() bytes at `offset`; 0 means end of file.
    virtual Result<size_t> read_at(uint64_t offset, std::span<char> into) = 0;
    /// Appends all of `bytes` at the end (files opened for writing). On error a prefix may be
    /// there.
    virtual Result<void> append(std::string_view bytes) = 0;
    virtual Result<void> write_at(uint64_t offset, std::string_view bytes) = 0;
    virtual Result<void> truncate(uint64_t size_bytes) = 0;

    /// Makes the file at least `size_bytes` long, with its blocks reserved where the file system
    /// can; what was not written reads as zeros. Appending within is then cheap to sync.
    virtual Result<void> allocate(uint64_t size_bytes) { return truncate(size_bytes); }

    /// Data and the metadata needed to read it back are on stable storage (fdatasync).
    virtual Result<void> sync() = 0;
    virtual Result<FileInfo> info() = 0;
    virtual Result<void> close() = 0;
};

enum class OpenMode {
    kRead,           ///< must exist
    kWriteTruncate,  ///< created or emptied
    kWriteAppend,    ///< created if missing
    kReadWrite,      ///< created if missing, kept otherwise
};

class FileSystem {
  public:
    virtual ~FileSystem() = default;
    /// New files get mode 0600: they hold what users log.
    virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
    /// Of what the path leads to (follows symlinks).
    virtual Result<FileInfo> stat(const std::string& path) = 0;
    /// Of the path itself (a symlink stays a symlink).
    virtual Result<FileInfo> lstat(const std::string& path) = 0;
    /// Names (not paths) in the directory, without "." and "..", sorted.
    virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
    virtual Result<void> make_directories(const std::string& path) = 0;
    virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
    virtual Result<void> remove(const std::string& path) = 0;
    virtual Result<void> remove_directory(const std::string& path) = 0;
    virtual Result<void> hard_link(const std::string& from, const std::string& to) = 0;
    /// Makes renames, creations and removals inside `directory` survive a power cut.
    virtual Result<void> sync_directory(const std::string& directory) = 0;
    /// Bytes a non-root writer may still use on the file system of `path`.
    virtual Result<uint64_t> free_bytes(const std::string& path) = 0;
    /// Size of the file system of `path`; kUnsupported where it is not known.
    virtual Result<uint64_t> total_bytes(const std::string& path);
    /// Creates the file if missing and locks it against other processes until the result dies or
    /// the process ends. kConflict when it is locked; kUnsupported where there are no locks.
    virtual Result<std::shared_ptr<void>> lock(const std::string& path);
};

/// The real one. Lives for the whole process.
FileSystem& posix_file_system();

/// Reads a whole file of at most `bytes_max`; kTooLarge beyond.
Result<std::string> read_file(FileSystem& fs, const std::string& path, uint64_t bytes_max);

/// Replaces `path` so that after a crash either the old or the new content is there: temporary
/// file, sync, rename, sync of the directory.
Result<void> write_file_atomically(FileSystem& fs, const std::string& path, std::string_view bytes);

/// The directory part ("." if there is none).
std::string parent_directory(const std::string& path);

}  // namespace seyir::io
