// SPDX-License-Identifier: Apache-2.0
// AppendFile: one file of lines on the disk, with its rotation. All outputs of a process that write
// to one path share one, so that none cuts back or moves away what another has written: the old and
// the new output of a reload, and two configured ones whose paths turn out to be the same.
// Threads: thread-safe.   Errors: kIo, kNoSpace, kNotFound; a write leaves no part behind.
// Ownership: lives as long as an output uses it.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "common/io/file_system.hpp"
#include "plugins/output/output_options.hpp"
#include "plugins/output/rotated_files.hpp"

namespace seyir::plugins {

/// The path with symlinks, `.` and `..` resolved as far as it exists; without `looks`, by its text
/// alone.
std::string resolved_path(const std::string& path, bool looks = true);

class AppendFile {
  public:
    /// The one of this path, new or in use; rotation follows the options given last.
    /// Errors: as open() of the file.
    static Result<std::shared_ptr<AppendFile>> get(
        const FileOutputOptions& options, io::FileSystem& fs, io::Clock& clock
    );

    AppendFile(const FileOutputOptions& options, io::FileSystem& fs, io::Clock& clock);
    AppendFile(const AppendFile&) = delete;
    AppendFile& operator=(const AppendFile&) = delete;

    /// All of `bytes`, synced, or nothing of them. Rotates first when that is due.
    Result<void> write(std::string_view bytes);

  private:
    Result<void> use(const FileOutputOptions& options);
    Result<void> open();
    bool is_due(uint64_t more_bytes) const;
    Result<void> rotate();

    std::mutex mutex_;
    FileOutputOptions options_;
    io::FileSystem& fs_;
    io::Clock& clock_;
    RotatedFiles rotated_;
    bool is_rotating_ = false;
    bool was_opened_ = false;
    std::unique_ptr<io::File> file_;
    uint64_t size_bytes_ = 0;  // of what is known to be whole; a failed append is cut back to it
    UnixNanos begun_;          // when the first of its bytes was written
};

}  // namespace seyir::plugins
