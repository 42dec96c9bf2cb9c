// SPDX-License-Identifier: Apache-2.0
#include "ctl/records/record_file.hpp"

#include <utility>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/codec/inflate.hpp"
#include "common/io/clock.hpp"
#include "ctl/records/mark_reader.hpp"

namespace seyir::ctl {
namespace {

constexpr uint64_t kMarkBytesMax = 512 * kMiB;
constexpr int kZstdLevel = 3;

Result<std::string> pack(std::string_view raw, Packing packing, codec::ZstdCompressor& zstd) {
    if (packing == Packing::kNone) {
        return std::string(raw);
    }
    if (packing == Packing::kGzip) {
        return codec::gzip_deflate(raw);
    }
    std::string packed(codec::zstd_bound_bytes(raw.size()), '\0');
    SEYIR_TRY(const size_t bytes, zstd.compress(raw, packed, kZstdLevel));
    packed.resize(bytes);
    return packed;
}

}  // namespace

Packing packing_of(std::string_view path) {
    if (path.ends_with(".gz")) {
        return Packing::kGzip;
    }
    return path.ends_with(".zst") ? Packing::kZstd : Packing::kNone;
}

std::string ExportMark::to_json() const {
    std::string out;
    const auto text = [&](std::string_view name, std::string_view value) {
        out += fmt::format("{}\"{}\":", out.empty() ? "{" : ",", name);
        append_json_quoted(out, value);
    };
    text("asked", asked);
    text("start", start);
    text("end", end);
    text("last", last);
    return out + fmt::format(
                     ",\"copies\":{},\"file_bytes\":{},\"records\":{},\"line_bytes\":{}}}\n",
                     copies,
                     file_bytes,
                     records,
                     line_bytes
                 );
}

Result<ExportMark> ExportMark::from_json(std::string_view text) {
    MarkReader reader;
    SEYIR_CHECK(reader.parse(text));
    ExportMark mark{
        .asked = reader.text("asked"),
        .start = reader.text("start"),
        .end = reader.text("end"),
        .file_bytes = reader.count("file_bytes"),
        .records = reader.count("records"),
        .line_bytes = reader.count("line_bytes"),
        .last = reader.text("last"),
        .copies = reader.count("copies"),
    };
    return reader.is_whole() ? Result<ExportMark>(std::move(mark))
                             : fail(ErrorCode::kCorrupt, "this is not the mark of an export");
}

Result<RecordFile> RecordFile::open(io::FileSystem& fs, Options options, ExportMark mark) {
    RecordFile out(fs, std::move(options));
    out.mark_ = std::move(mark);
    out.piece_began_ = io::system_clock().steady_now();
    const auto found = fs.stat(out.mark_path());
    if (!found && found.error().code != ErrorCode::kNotFound) {
        return found.error();
    }
    if (found && !out.options_.resumes) {
        return fail(
            ErrorCode::kConflict,
            out.partial() + " is an export that did not end: --resume goes on with it; remove " +
                out.mark_path() + " to begin anew"
        );
    }
    if (!found) {
        SEYIR_TRY(out.file_, fs.open(out.partial(), io::OpenMode::kWriteTruncate));
        return out;
    }
    SEYIR_TRY(const std::string text, io::read_file(fs, out.mark_path(), kMarkBytesMax));
    auto there = ExportMark::from_json(text);
    if (!there) {
        return std::move(there).error().context(out.mark_path());
    }
    if (there->asked != out.mark_.asked) {
        return fail(
            ErrorCode::kConflict,
            out.partial() + " is an export of " + there->asked + ", not of " + out.mark_.asked
        );
    }
    SEYIR_TRY(out.file_, fs.open(out.partial(), io::OpenMode::kWriteAppend));
    SEYIR_TRY(const io::FileInfo info, out.file_->info());
    if (info.size_bytes < there->file_bytes) {
        return fail(
            ErrorCode::kCorrupt,
            fmt::format(
                "{} has {} bytes, its mark says {}: remove {} to begin anew",
                out.partial(),
                info.size_bytes,
                there->file_bytes,
                out.mark_path()
            )
        );
    }
    SEYIR_CHECK(out.file_->truncate(there->file_bytes));
    out.mark_ = *std::move(there);
    out.resumed_after_ = out.mark_.last;
    out.copies_left_ = out.mark_.copies;
    return out;
}

Result<void> RecordFile::add(std::string_view line) {
    if (!resumed_after_.empty()) {
        if (line < resumed_after_) {
            return {};
        }
        if (line == resumed_after_ && copies_left_ > 0) {
            --copies_left_;
            return {};
        }
        if (line != resumed_after_) {
            resumed_after_.clear();
        }
    }
    piece_ += line;
    ++mark_.records;
    mark_.line_bytes += line.size();
    if (line == mark_.last) {
        ++mark_.copies;
    } else {
        mark_.last = line;
        mark_.copies = 1;
    }
    const bool is_due = piece_.size() >= options_.piece_bytes ||
                        io::system_clock().steady_now() - piece_began_ >= options_.piece_time;
    return is_due ? write_piece() : Result<void>{};
}

/// The mark never tells more than what is on stable storage.
Result<void> RecordFile::write_piece() {
    piece_began_ = io::system_clock().steady_now();
    if (piece_.empty()) {
        return {};
    }
    SEYIR_TRY(const std::string packed, pack(piece_, packing_of(options_.path), zstd_));
    SEYIR_CHECK(file_->append(packed));
    SEYIR_CHECK(file_->sync());
    mark_.file_bytes += packed.size();
    piece_.clear();
    return io::write_file_atomically(fs_, mark_path(), mark_.to_json());
}

void RecordFile::discard() {
    file_.reset();
    for (const std::string& path : {partial(), mark_path()}) {
        // One that stays is overwritten by the next export.
        [[maybe_unused]] const auto gone = fs_.remove(path);
    }
}

Result<void> RecordFile::finish(bool is_whole) {
    SEYIR_CHECK(write_piece());
    SEYIR_CHECK(file_->sync());
    if (!is_whole) {
        return {};
    }
    if (mark_.file_bytes == 0 && packing_of(options_.path) != Packing::kNone) {
        // No records: still a file that zcat and zstdcat read.
        SEYIR_TRY(const std::string packed, pack("", packing_of(options_.path), zstd_));
        SEYIR_CHECK(file_->append(packed));
        SEYIR_CHECK(file_->sync());
    }
    SEYIR_CHECK(file_->close());
    SEYIR_CHECK(fs_.rename(partial(), options_.path));
    if (const auto gone = fs_.remove(mark_path());
        !gone && gone.error().code != ErrorCode::kNotFound) {
        return gone;
    }
    return fs_.sync_directory(io::parent_directory(options_.path));
}

}  // namespace seyir::ctl
