// SPDX-License-Identifier: Apache-2.0
// RecordLines: the lines of a file, packed or not (told by its first bytes), one after another.
// Threads: one owner.   Memory: one line and two pieces.
// Errors: the file system's; kCorrupt for a packed file that ends early; kTooLarge for a line
// beyond kLineBytesMax.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/units.hpp"
#include "common/codec/unpacker.hpp"
#include "common/io/file_system.hpp"

namespace seyir::ctl {

class RecordLines {
  public:
    static constexpr size_t kLineBytesMax = 8 * kMiB;

    static Result<RecordLines> open(io::FileSystem& fs, const std::string& path);

    /// The next line without its '\n', valid until the next call; false at the end.
    Result<bool> next(std::string_view& line);

    /// Unpacked bytes up to the end of the last line given.
    uint64_t offset() const { return offset_; }

    /// Its number, from 1.
    uint64_t number() const { return number_; }

    uint64_t file_bytes() const { return file_bytes_; }

    uint64_t file_bytes_read() const { return read_; }

    /// What the file is told by: its length and 16 hex digits of its first 64 KiB.
    const std::string& identity() const { return identity_; }

  private:
    RecordLines(std::unique_ptr<io::File> file, codec::PackedForm form)
        : file_(std::move(file)), unpacker_(form), form_(form) {}

    Result<bool> fill();

    std::unique_ptr<io::File> file_;
    codec::Unpacker unpacker_;
    codec::PackedForm form_;
    std::string identity_;
    std::string packed_;
    std::string_view packed_left_;
    std::string text_;
    size_t begin_ = 0;
    uint64_t file_bytes_ = 0;
    uint64_t read_ = 0;
    uint64_t offset_ = 0;
    uint64_t number_ = 0;
};

/// How far an import is: FILE.import.
struct ImportMark {
    std::string file;    ///< RecordLines::identity
    std::string target;  ///< URL and path
    std::string id;      ///< 32 hex digits, another for each time it is begun; "" of older versions
    uint64_t offset = 0;  ///< unpacked bytes that were answered
    uint64_t line = 0;
    uint64_t records = 0;
    uint64_t skipped = 0;   ///< lines that are no records
    uint64_t rejected = 0;  ///< records the collector did not want
    bool is_done = false;

    std::string to_json() const;
    static Result<ImportMark> from_json(std::string_view text);
};

}  // namespace seyir::ctl
