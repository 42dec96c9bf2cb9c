// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/log/inspect.hpp"

#include <algorithm>

#include "common/base/units.hpp"
#include "common/buffer/log/cursor_file.hpp"
#include "common/codec/crc32c.hpp"

namespace seyir::buffer {
namespace {

constexpr uint64_t kSegmentFileBytesMax = kGiB;

bool is_zero(std::string_view bytes) {
    return bytes.find_first_not_of('\0') == std::string_view::npos;
}

/// `limit`: where the next segment begins; nothing for the last one.
void inspect_frames(
    std::string_view frames,
    std::optional<uint64_t> limit,
    const OnBatch& on_batch,
    SegmentReport& report
) {
    const uint64_t base = report.base;
    if (limit && *limit - base < frames.size()) {
        frames = frames.substr(0, *limit - base);
    }
    size_t at = 0;
    while (at < frames.size()) {
        const auto header = decode_frame_header(frames.substr(at));
        const bool fits =
            header && header->offset == base + at && header->end() <= base + frames.size();
        const std::string_view body =
            fits ? frames.substr(at + kFrameHeaderBytes, header->body_bytes) : std::string_view();
        if (fits && codec::crc32c(body) == header->body_crc) {
            at += kFrameHeaderBytes + header->body_bytes;
            report.end = base + at;
            if (header->kind == FrameKind::kBatch) {
                ++report.batches;
                report.rows += header->rows;
                on_batch(*header, body);
            }
            continue;
        }
        const auto next = find_frame(frames, base, at + 1);
        const std::string_view bad = frames.substr(at, next.value_or(frames.size()) - at);
        // Behind the last frame there is what was reserved, or a write that was cut off: both are
        // as they should be.
        const bool is_tail = !next && (!limit || is_zero(bad));
        report.bad_places += is_tail ? 0 : 1;
        report.bad_bytes += is_tail ? 0 : bad.size();
        if (!next) {
            break;
        }
        at = *next;
    }
}

}  // namespace

bool FolderReport::is_sound() const {
    const bool all_good = std::ranges::all_of(segments, [](const SegmentReport& segment) {
        return segment.bad_places == 0 && !segment.is_unreadable;
    });
    return all_good && !cursor_is_damaged && put_aside.empty();
}

Result<FolderReport> inspect_folder(
    io::FileSystem& fs, const std::string& directory, const OnBatch& on_batch
) {
    FolderReport out;
    SEYIR_TRY(const std::vector<std::string> names, fs.list(directory));
    CursorFile cursor(fs, directory + "/cursor");
    SEYIR_TRY(out.cursor, cursor.load());
    out.cursor_is_damaged = cursor.was_damaged();
    std::vector<std::string> segments;
    for (const std::string& name : names) {
        if (segment_base(name)) {
            segments.push_back(name);
        } else if (name.ends_with(".bad")) {
            out.put_aside.push_back(name);
        }
    }
    for (size_t i = 0; i < segments.size(); ++i) {
        SegmentReport report{.name = segments[i], .base = *segment_base(segments[i])};
        report.end = report.base;
        const std::string path = directory + "/" + segments[i];
        const auto bytes = io::read_file(fs, path, kSegmentFileBytesMax);
        if (!bytes && bytes.error().code == ErrorCode::kNotFound) {
            continue;  // delivered and deleted meanwhile
        }
        const auto header = bytes ? decode_segment_header(*bytes) : std::nullopt;
        report.is_unreadable = !header || header->version != kFormatVersion;
        if (bytes && (!header || header->version == kFormatVersion)) {
            report.file_bytes = bytes->size();
            out.id = header ? header->buffer : out.id;
            const auto limit =
                i + 1 < segments.size() ? segment_base(segments[i + 1]) : std::nullopt;
            const size_t skip = std::min<size_t>(bytes->size(), kSegmentHeaderBytes);
            const auto batch = [&](const FrameHeader& frame, std::string_view body) {
                const auto prefix = decode_batch_prefix(body);
                report.oldest = report.oldest || !prefix ? report.oldest : prefix->appended;
                if (!out.cursor || frame.offset >= out.cursor->offset) {
                    out.rows_waiting += frame.rows;
                }
                on_batch(frame, body);
            };
            inspect_frames(std::string_view(*bytes).substr(skip), limit, batch, report);
        }
        out.end = std::max(out.end, report.end);
        out.segments.push_back(std::move(report));
    }
    return out;
}

}  // namespace seyir::buffer
