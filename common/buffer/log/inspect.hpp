// SPDX-License-Identifier: Apache-2.0
// Looks into a disk buffer's folder without changing it: for `seyir buffer ls|fsck|export`, also
// while a program uses it.
// Threads: one at a time.   Errors: kIo, kNotFound of the folder. Damage is what it reports.
// Format: docs/format/buffer.md
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/buffer/log/buffer_format.hpp"
#include "common/io/file_system.hpp"

namespace seyir::buffer {

struct SegmentReport {
    std::string name;
    uint64_t base = 0;
    uint64_t file_bytes = 0;
    uint64_t end = 0;  ///< offset behind its last good frame
    uint64_t batches = 0;
    uint64_t rows = 0;
    uint32_t bad_places = 0;
    uint64_t bad_bytes = 0;
    bool is_unreadable = false;  ///< no header, or a later version
    std::optional<UnixNanos> oldest;
};

struct FolderReport {
    BufferId id;
    std::optional<Cursor> cursor;
    bool cursor_is_damaged = false;
    std::vector<SegmentReport> segments;
    std::vector<std::string> put_aside;  ///< *.bad
    uint64_t end = 0;
    uint64_t rows_waiting = 0;  ///< behind the cursor

    bool is_sound() const;
};

/// Called for each good batch frame, in order.
using OnBatch = std::function<void(const FrameHeader&, std::string_view body)>;

Result<FolderReport> inspect_folder(
    io::FileSystem& fs, const std::string& directory, const OnBatch& on_batch
);

}  // namespace seyir::buffer
