// SPDX-License-Identifier: Apache-2.0
#include "ctl/records/record_lines.hpp"

#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "common/base/text.hpp"
#include "ctl/records/mark_reader.hpp"

namespace seyir::ctl {
namespace {

constexpr size_t kPieceBytes = 256 * kKiB;
constexpr size_t kIdentityBytes = 64 * kKiB;

}  // namespace

Result<RecordLines> RecordLines::open(io::FileSystem& fs, const std::string& path) {
    SEYIR_TRY(auto file, fs.open(path, io::OpenMode::kRead));
    SEYIR_TRY(const io::FileInfo info, file->info());
    std::string begin(kIdentityBytes, '\0');
    SEYIR_TRY(const size_t got, file->read_at(0, begin));
    begin.resize(got);
    RecordLines out(std::move(file), codec::packed_form(begin));
    out.file_bytes_ = info.size_bytes;
    out.identity_ =
        fmt::format("{}-{:016x}", info.size_bytes, XXH3_64bits(begin.data(), begin.size()));
    return out;
}

/// More text; false at the end of the file.
Result<bool> RecordLines::fill() {
    text_.erase(0, begin_);
    begin_ = 0;
    const size_t had = text_.size();
    if (had > kLineBytesMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format(
                "line {} has more than {}, the limit", number_ + 1, format_bytes(kLineBytesMax)
            )
        );
    }
    text_.resize(had + kPieceBytes);
    while (true) {
        const std::span<char> room(text_.data() + had, kPieceBytes);
        SEYIR_TRY(const size_t got, unpacker_.unpack(packed_left_, room));
        if (got > 0) {
            text_.resize(had + got);
            return true;
        }
        packed_.resize(kPieceBytes);
        SEYIR_TRY(const size_t read, file_->read_at(read_, packed_));
        if (read == 0) {
            text_.resize(had);
            const bool is_whole = form_ == codec::PackedForm::kPlain || unpacker_.is_whole();
            return is_whole ? Result<bool>(false)
                            : fail(ErrorCode::kCorrupt, "the packed file ends early");
        }
        read_ += read;
        packed_left_ = std::string_view(packed_).substr(0, read);
    }
}

Result<bool> RecordLines::next(std::string_view& line) {
    size_t searched = begin_;
    while (true) {
        const size_t end = text_.find('\n', searched);
        if (end != std::string::npos) {
            line = std::string_view(text_).substr(begin_, end - begin_);
            offset_ += end + 1 - begin_;
            begin_ = end + 1;
            ++number_;
            return true;
        }
        const size_t had = text_.size() - begin_;
        SEYIR_TRY(const bool has_more, fill());
        searched = had;
        if (!has_more) {
            if (text_.empty()) {
                return false;
            }
            line = text_;
            offset_ += text_.size();
            begin_ = text_.size();
            ++number_;
            return true;
        }
    }
}

std::string ImportMark::to_json() const {
    std::string out = "{\"file\":";
    append_json_quoted(out, file);
    out += ",\"target\":";
    append_json_quoted(out, target);
    out += ",\"id\":";
    append_json_quoted(out, id);
    return out + fmt::format(
                     ",\"offset\":{},\"line\":{},\"records\":{},\"skipped\":{},\"rejected\":{},"
                     "\"done\":{}}}\n",
                     offset,
                     line,
                     records,
                     skipped,
                     rejected,
                     is_done
                 );
}

Result<ImportMark> ImportMark::from_json(std::string_view text) {
    MarkReader reader;
    SEYIR_CHECK(reader.parse(text));
    ImportMark mark{
        .file = reader.text("file"),
        .target = reader.text("target"),
        .id = reader.text_if_any("id"),
        .offset = reader.count("offset"),
        .line = reader.count("line"),
        .records = reader.count("records"),
        .skipped = reader.count("skipped"),
        .rejected = reader.count("rejected"),
        .is_done = reader.flag("done"),
    };
    return reader.is_whole() ? Result<ImportMark>(std::move(mark))
                             : fail(ErrorCode::kCorrupt, "this is not the mark of an import");
}

}  // namespace seyir::ctl
