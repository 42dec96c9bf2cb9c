// SPDX-License-Identifier: Apache-2.0
// RecordFile: where an export goes: FILE.partial, packed by the name's ending, and beside it a mark
// of what is safely in it; renamed when all is there.
// Room: lines -> file.   Threads: one owner.   Memory: one piece.
// Errors: the file system's; kConflict for a mark of another export; kCorrupt for a file shorter
// than its mark says.   Format: docs/format/export.md. A piece is a gzip member or a zstd frame,
// and ends with a line, so that what follows the mark can be cut off and written again.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/units.hpp"
#include "common/codec/compress.hpp"
#include "common/io/file_system.hpp"

namespace seyir::ctl {

enum class Packing { kNone, kGzip, kZstd };

/// By ending: .gz, .zst, else none.
Packing packing_of(std::string_view path);

/// How far an export is; what `--resume` goes on from.
struct ExportMark {
    std::string asked;  ///< selector and times as they were given
    std::string start;  ///< what they meant then; "" = no bound
    std::string end;
    uint64_t file_bytes = 0;
    uint64_t records = 0;
    uint64_t line_bytes = 0;
    std::string last;     ///< the last line, with its '\n'
    uint64_t copies = 0;  ///< how often it stands at the end

    std::string to_json() const;
    static Result<ExportMark> from_json(std::string_view text);
};

class RecordFile {
  public:
    struct Options {
        std::string path;
        bool resumes = false;
        size_t piece_bytes = 4 * kMiB;
        Nanos piece_time = std::chrono::seconds(5);
    };

    /// `mark` says what is asked for; resuming, the file's own takes its place.
    static Result<RecordFile> open(io::FileSystem& fs, Options options, ExportMark mark);

    /// Up to the last line given.
    const ExportMark& mark() const { return mark_; }

    /// The next line, with its '\n', in the order of export_page. Lines that are there already are
    /// passed over, which is what resuming needs.
    Result<void> add(std::string_view line);

    /// Writes out what is held and, when `is_whole`, gives the file its name.
    Result<void> finish(bool is_whole);

    /// Nothing came: leaves no trace.
    void discard();

  private:
    RecordFile(io::FileSystem& fs, Options options) : fs_(fs), options_(std::move(options)) {}

    Result<void> write_piece();

    std::string partial() const { return options_.path + ".partial"; }

    std::string mark_path() const { return options_.path + ".partial.mark"; }

    io::FileSystem& fs_;
    Options options_;
    std::unique_ptr<io::File> file_;
    codec::ZstdCompressor zstd_;
    ExportMark mark_;
    std::string piece_;
    SteadyTime piece_began_;
    std::string resumed_after_;  ///< the last line of the file that is resumed
    uint64_t copies_left_ = 0;   ///< of it, still to be passed over
};

}  // namespace seyir::ctl
