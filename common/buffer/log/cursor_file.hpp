// SPDX-License-Identifier: Apache-2.0
// CursorFile: the one mutable file of a disk buffer: two slots with checksums, so that a torn write
// leaves the other. A slot known to be on stable storage is never the one written to.
// Threads: one at a time.   Errors: kIo, kNoSpace. Damaged slots are no error.
// Format: docs/format/buffer.md
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/buffer/log/buffer_format.hpp"
#include "common/io/file_system.hpp"

namespace seyir::buffer {

class CursorFile {
  public:
    CursorFile(io::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}

    /// What was saved last; nothing when there is no good slot.
    Result<std::optional<Cursor>> load();

    /// True when the file was there and no slot was good.
    bool was_damaged() const { return was_damaged_; }

    /// Without `durable` the kernel writes it when it likes.
    Result<void> save(Cursor cursor, bool durable);

  private:
    io::FileSystem& fs_;
    const std::string path_;
    std::unique_ptr<io::File> file_;
    uint64_t counter_ = 0;
    uint64_t slot_ = 0;  // the one to write to
    bool was_damaged_ = false;
    bool has_name_ = false;  // the file's name is on stable storage
};

}  // namespace seyir::buffer
