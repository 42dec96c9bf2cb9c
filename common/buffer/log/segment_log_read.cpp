// SPDX-License-Identifier: Apache-2.0
// SegmentLog: finding the log after a start, and reading it.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/buffer/log/segment_log.hpp"
#include "common/codec/crc32c.hpp"

namespace seyir::buffer {
namespace {

constexpr uint64_t kChunkBytes = 1024 * 1024;
constexpr uint64_t kUnreadableStep = 4096;

}  // namespace

// --- opening ---

Result<void> SegmentLog::open(BufferId known, LogPlace floor, const OnFrame& on_frame) {
    SEYIR_CHECK(fs_.make_directories(options_.directory));
    // The folder's own name must survive too: DIR/buffer/ID.
    const std::string parent = io::parent_directory(options_.directory);
    SEYIR_CHECK(fs_.sync_directory(parent));
    SEYIR_CHECK(fs_.sync_directory(io::parent_directory(parent)));
    if (auto locked = fs_.lock(path_of("lock")); locked) {
        lock_ = *std::move(locked);
    } else if (locked.error().code != ErrorCode::kUnsupported) {
        return std::move(locked).error();
    }
    SEYIR_TRY(std::vector<Found> found, find_segments());
    for (const Found& one : found) {
        known = one.buffer.is_zero() ? known : one.buffer;
    }
    id_ = known.is_zero() ? BufferId::random() : known;
    for (Found& one : found) {
        if (one.buffer == id_ || one.buffer.is_zero()) {
            segments_.push_back(std::move(one.segment));
        } else {
            SEYIR_CHECK(quarantine(one.segment.path, "it is of another buffer"));
        }
    }
    SEYIR_CHECK(scan_tail(on_frame));
    if (end_.offset < floor.offset) {
        end_ = {floor.offset, std::max(floor.row, end_.row)};
    }
    return {};
}

Result<std::vector<SegmentLog::Found>> SegmentLog::find_segments() {
    SEYIR_TRY(const std::vector<std::string> names, fs_.list(options_.directory));
    std::vector<Found> found;
    for (const std::string& name : names) {
        if (name.ends_with(".seg.tmp")) {
            SEYIR_CHECK(fs_.remove(path_of(name)));
        }
        const auto base = segment_base(name);
        if (!base) {
            continue;
        }
        SEYIR_TRY(std::optional<Found> one, examine(name, *base));
        if (one) {
            found.push_back(*std::move(one));
        }
    }
    return found;
}

Result<std::optional<SegmentLog::Found>> SegmentLog::examine(
    const std::string& name, uint64_t base
) {
    const std::string path = path_of(name);
    SEYIR_TRY(const auto file, fs_.open(path, io::OpenMode::kRead));
    SEYIR_TRY(const io::FileInfo info, file->info());
    std::string bytes(std::min(info.size_bytes, kChunkBytes), '\0');
    SEYIR_TRY(const size_t got, file->read_at(0, bytes));
    bytes.resize(got);
    Found found{{base, 0, info.size_bytes, path}, {}};
    const auto header = decode_segment_header(bytes);
    if (header && header->version != kFormatVersion) {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format(
                "{} has format version {}; this program knows {}",
                path,
                header->version,
                kFormatVersion
            )
        );
    }
    if (header && header->base == base) {
        found.segment.first_row = header->first_row;
        found.buffer = header->buffer;
        return std::optional(std::move(found));
    }
    // Its name says where it begins: frames behind a damaged header are still good.
    const std::string_view frames =
        std::string_view(bytes).substr(std::min<size_t>(bytes.size(), kSegmentHeaderBytes));
    const auto at = find_frame(frames, base, 0);
    if (!at) {
        SEYIR_CHECK(quarantine(path, "it holds nothing that can be read"));
        return std::optional<Found>();
    }
    log::warn("buffer", "a segment's header is damaged; its frames are used", {{"file", path}});
    found.segment.first_row = decode_frame_header(frames.substr(*at))->first_row;
    return std::optional(std::move(found));
}

Result<void> SegmentLog::quarantine(const std::string& path, std::string_view why) {
    ++quarantined_;
    log::error(
        "buffer",
        "a segment is put aside",
        {{"file", path}, {"now", path + ".bad"}, {"why", std::string(why)}}
    );
    return fs_.rename(path, path + ".bad");
}

Result<void> SegmentLog::scan_tail(const OnFrame& on_frame) {
    if (segments_.empty()) {
        return {};
    }
    const auto extent = [&](size_t i) {
        const Segment& segment = segments_[i];
        const uint64_t bytes = std::max(segment.disk_bytes, kSegmentHeaderBytes);
        return i + 1 < segments_.size()
                   ? Extent{segment, {segments_[i + 1].base, segments_[i + 1].first_row}}
                   : Extent{segment, {segment.base + bytes - kSegmentHeaderBytes, UINT64_MAX}};
    };
    size_t first = segments_.size() - 1;
    for (; first > 0; --first) {
        LogFrame frame;
        const Segment& segment = segments_[first];
        auto good = read_frame(extent(first), {segment.base, segment.first_row}, frame);
        if (good && *good && frame.header.kind == FrameKind::kLanes) {
            break;
        }
    }
    for (size_t i = first; i < segments_.size(); ++i) {
        end_ = {segments_[i].base, segments_[i].first_row};
        SEYIR_CHECK(scan_segment(extent(i), on_frame, end_));
    }
    cut_tail(segments_.back());
    return {};
}

Result<void> SegmentLog::scan_segment(
    const Extent& extent, const OnFrame& on_frame, LogPlace& end
) {
    LogPlace at = end;
    while (at.offset < extent.end.offset) {
        LogFrame frame;
        auto good = read_frame(extent, at, frame);
        if (!good) {
            good = read_frame(extent, at, frame);
        }
        if (!good) {
            // What cannot be read now may be good: it must not be cut off.
            log::error("buffer", "a segment cannot be read", {{"error", good.error().message}});
            may_cut_ = false;
        }
        if (good && *good) {
            on_frame(frame.header, frame.body);
            at = {frame.header.end(), frame.header.first_row + frame.header.rows};
            end = at;
            continue;
        }
        SEYIR_TRY(at, resync(extent, at, true));
    }
    return {};
}

void SegmentLog::cut_tail(const Segment& segment) {
    const uint64_t bytes = kSegmentHeaderBytes + end_.offset - segment.base;
    if (!may_cut_ || segment.disk_bytes <= bytes) {
        return;
    }
    auto file = fs_.open(segment.path, io::OpenMode::kReadWrite);
    if (file && (*file)->truncate(bytes) && (*file)->sync()) {
        segments_.back().disk_bytes = bytes;
    }
}

// --- reading ---

std::optional<SegmentLog::Extent> SegmentLog::extent_of(uint64_t offset) const {
    const std::lock_guard lock(mutex_);
    const auto after = std::ranges::upper_bound(segments_, offset, {}, &Segment::base);
    if (after == segments_.begin()) {
        return std::nullopt;
    }
    Extent extent{*std::prev(after), end_};
    if (after != segments_.end()) {
        extent.end = {after->base, after->first_row};
    }
    return extent;
}

Result<io::File*> SegmentLog::reader_for(const Segment& segment) {
    if (reader_ == nullptr || reader_base_ != segment.base) {
        chunk_.clear();
        SEYIR_TRY(reader_, fs_.open(segment.path, io::OpenMode::kRead));
        reader_base_ = segment.base;
    }
    return reader_.get();
}

/// At least `count` bytes from `offset` on, or as many as there are.
Result<std::string_view> SegmentLog::bytes_at(
    const Extent& extent, uint64_t offset, uint64_t count
) {
    SEYIR_TRY(io::File* const file, reader_for(extent.segment));
    count = std::min(count, extent.end.offset - offset);
    const bool has = offset >= chunk_offset_ && offset + count <= chunk_offset_ + chunk_.size();
    if (!has || chunk_.empty()) {
        const uint64_t bytes = std::min(std::max(count, kChunkBytes), extent.end.offset - offset);
        chunk_.resize(bytes);
        chunk_offset_ = offset;
        const uint64_t at = kSegmentHeaderBytes + offset - extent.segment.base;
        size_t filled = 0;
        while (filled < bytes) {
            auto got = file->read_at(at + filled, std::span(chunk_).subspan(filled));
            if (!got) {
                chunk_.clear();
                return std::move(got).error();
            }
            if (*got == 0) {
                break;
            }
            filled += *got;
        }
        chunk_.resize(filled);
    }
    const size_t skip = std::min<uint64_t>(offset - chunk_offset_, chunk_.size());
    return std::string_view(chunk_).substr(skip);
}

Result<bool> SegmentLog::read_frame(const Extent& extent, LogPlace from, LogFrame& out) {
    SEYIR_TRY(const std::string_view head, bytes_at(extent, from.offset, kFrameHeaderBytes));
    const auto header = decode_frame_header(head);
    if (!header || header->offset != from.offset || header->end() > extent.end.offset) {
        return false;
    }
    const uint64_t frame_bytes = kFrameHeaderBytes + header->body_bytes;
    SEYIR_TRY(const std::string_view bytes, bytes_at(extent, from.offset, frame_bytes));
    if (bytes.size() < frame_bytes) {
        return false;
    }
    const std::string_view body = bytes.substr(kFrameHeaderBytes, header->body_bytes);
    if (codec::crc32c(body) != header->body_crc) {
        return false;
    }
    out.header = *header;
    out.body = body;
    out.tail_hash = frame_tail_hash(bytes.substr(0, frame_bytes));
    return true;
}

/// The next good header behind `from`, or the end of the segment.
Result<LogPlace> SegmentLog::resync(const Extent& extent, LogPlace from, bool tolerate_io) {
    uint64_t at = from.offset + 1;
    while (at < extent.end.offset) {
        const uint64_t wanted = std::min(kChunkBytes, extent.end.offset - at);
        const auto bytes = bytes_at(extent, at, wanted);
        if (!bytes) {
            if (!tolerate_io) {
                return std::move(bytes).error();
            }
            at += kUnreadableStep;
            continue;
        }
        if (const auto found = find_frame(*bytes, at, 0)) {
            const auto header = decode_frame_header(bytes->substr(*found));
            return LogPlace{at + *found, header->first_row};
        }
        if (bytes->size() < kFrameHeaderBytes || bytes->size() < wanted) {
            break;  // the file ends here
        }
        at += bytes->size() - kFrameHeaderBytes + 1;
    }
    return extent.end;
}

/// Its first bytes can be read: other bytes that cannot are bad ones, the disk is there.
bool SegmentLog::is_reachable(const Segment& segment) {
    const auto file = reader_for(segment);
    char bytes[kSegmentHeaderBytes];
    return file && (*file)->read_at(0, bytes);
}

Result<std::optional<LogFrame>> SegmentLog::read(LogPlace from, bool tolerate_io) {
    LogFrame out;
    LogPlace at = from;
    const LogPlace first = begin();
    if (at.offset < first.offset) {
        out.skipped_bytes = first.offset - at.offset;
        out.skipped_rows = first.row - std::min(first.row, at.row);
        at = first;
    }
    while (at.offset < end().offset) {
        const auto extent = extent_of(at.offset);
        if (!extent) {
            return fail(ErrorCode::kInternal, "a segment went away while it was read");
        }
        auto good = read_frame(*extent, at, out);
        if (!good && !(tolerate_io && is_reachable(extent->segment))) {
            return std::move(good).error();
        }
        if (good && *good) {
            const FrameHeader& header = out.header;
            out.skipped_rows += header.first_row - std::min(header.first_row, at.row);
            at = {header.end(), header.first_row + header.rows};
            out.has_frame = header.kind == FrameKind::kBatch;
            if (out.has_frame) {
                break;
            }
            continue;
        }
        ++out.bad_places;
        SEYIR_TRY(const LogPlace next, resync(*extent, at, tolerate_io));
        out.skipped_bytes += next.offset - at.offset;
        out.skipped_rows += next.row - std::min(next.row, at.row);
        at = {next.offset, std::max(next.row, at.row)};
    }
    out.next = at;
    const bool found_any = out.has_frame || out.skipped_bytes > 0;
    return found_any ? std::optional(std::move(out)) : std::nullopt;
}

Result<std::optional<SegmentLog::Boundary>> SegmentLog::boundary(uint64_t offset) {
    const LogPlace first = begin();
    if (offset == first.offset) {
        return std::optional(Boundary{first, std::nullopt});
    }
    if (offset < first.offset || offset > end().offset) {
        return std::optional<Boundary>();
    }
    const auto extent = extent_of(offset - 1);
    if (!extent) {
        return std::optional<Boundary>();
    }
    LogPlace at{extent->segment.base, extent->segment.first_row};
    while (at.offset < offset) {
        LogFrame frame;
        SEYIR_TRY(const bool good, read_frame(*extent, at, frame));
        at = good ? LogPlace{frame.header.end(), frame.header.first_row + frame.header.rows} : at;
        if (good && at.offset == offset) {
            return std::optional(Boundary{at, frame.tail_hash});
        }
        if (!good) {
            SEYIR_TRY(at, resync(*extent, at, true));
        }
    }
    return std::optional<Boundary>();
}

}  // namespace seyir::buffer
