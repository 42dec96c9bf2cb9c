// SPDX-License-Identifier: Apache-2.0
// The writer's half and the list of segments; segment_log_read.cpp has the reader's and recovery.
#include "common/buffer/log/segment_log.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/base/units.hpp"
#include "common/codec/crc32c.hpp"

namespace seyir::buffer {
namespace {

/// Behind `place`, with its body's checksum.
void append_frame(std::string& out, PendingFrame& frame, LogPlace place) {
    FrameHeader& header = frame.header;
    header.kind = FrameKind::kBatch;
    header.flags = frame.flags;
    header.rows = frame.rows;
    header.body_bytes = static_cast<uint32_t>(frame.prefix.size() + frame.payload->size());
    header.body_crc = codec::crc32c(*frame.payload, codec::crc32c(frame.prefix));
    header.offset = place.offset;
    header.first_row = place.row;
    const size_t begin = out.size();
    append(out, header);
    out += frame.prefix;
    out += *frame.payload;
    frame.tail_hash = frame_tail_hash(std::string_view(out).substr(begin));
}

}  // namespace

SegmentLog::SegmentLog(io::FileSystem& fs, io::Clock& clock, Options options)
    : fs_(fs), clock_(clock), options_(std::move(options)) {
    if (options_.budget != nullptr) {
        // One segment goes only when there is a next one.
        share_ = std::make_unique<io::DiskBudget::Share>(
            *options_.budget, 2 * options_.segment_bytes, options_.max_size_bytes
        );
    }
}

std::string SegmentLog::path_of(const std::string& name) const {
    return options_.directory + "/" + name;
}

void SegmentLog::set_limits(uint64_t max_size_bytes, uint64_t free_bytes_min) {
    const std::lock_guard lock(mutex_);
    options_.max_size_bytes = max_size_bytes;
    options_.free_bytes_min = free_bytes_min;
}

Result<void> SegmentLog::write(
    std::span<PendingFrame> frames, const LanesBody& lanes, size_t& written
) {
    written = 0;
    group_.clear();
    LogPlace place = end();
    size_t in_group = 0;
    for (PendingFrame& frame : frames) {
        const uint64_t body_bytes = frame.prefix.size() + frame.payload->size();
        if (body_bytes > kFrameBodyBytesMax) {
            return fail(
                ErrorCode::kTooLarge,
                fmt::format("a frame of {} bytes; {} are the limit", body_bytes, kFrameBodyBytesMax)
            );
        }
        const uint64_t frame_bytes = kFrameHeaderBytes + body_bytes;
        const uint64_t used = kSegmentHeaderBytes + place.offset - active_base_;
        if (active_ == nullptr || used + frame_bytes > options_.segment_bytes) {
            SEYIR_CHECK(put_group(place));
            written += std::exchange(in_group, 0);
            SEYIR_CHECK(roll(lanes(written)));
            place = end();
        }
        append_frame(group_, frame, place);
        place = {frame.header.end(), place.row + frame.rows};
        ++in_group;
    }
    SEYIR_CHECK(put_group(place));
    written += in_group;
    return {};
}

Result<void> SegmentLog::put_group(LogPlace place) {
    if (group_.empty()) {
        return {};
    }
    const uint64_t at = kSegmentHeaderBytes + end().offset - active_base_;
    Result<void> put = active_->write_at(at, group_);
    if (put && options_.sync_each_write) {
        put = active_->sync();
    }
    group_.clear();
    if (!put) {
        // After a failed sync the kernel may have dropped the pages: nothing more goes into this
        // file, and what did not get there is written again into the next.
        active_.reset();
        return put;
    }
    has_unsynced_ = !options_.sync_each_write;
    const std::lock_guard lock(mutex_);
    end_ = place;
    return {};
}

Result<void> SegmentLog::sync() {
    if (active_ == nullptr || !has_unsynced_) {
        return {};
    }
    has_unsynced_ = false;
    Result<void> synced = active_->sync();
    if (!synced) {
        active_.reset();
    }
    return synced;
}

Result<void> SegmentLog::close() {
    const Result<void> synced = sync();
    seal_active();
    return synced;
}

void SegmentLog::seal_active() {
    if (active_ == nullptr) {
        return;
    }
    if (const auto synced = sync(); !synced) {
        log::error("buffer", "syncing a segment failed", {{"error", synced.error().message}});
    }
    if (active_ != nullptr) {
        const std::lock_guard lock(mutex_);
        const uint64_t bytes = kSegmentHeaderBytes + end_.offset - active_base_;
        // What was reserved and not used; if this fails it is deleted with the segment.
        if (active_->truncate(bytes) && !segments_.empty()) {
            segments_.back().disk_bytes = bytes;
        }
    }
    active_.reset();
}

Result<void> SegmentLog::check_room() const {
    const uint64_t held = disk_bytes();
    if (held + options_.segment_bytes > options_.max_size_bytes) {
        return fail(
            ErrorCode::kBackpressure,
            fmt::format(
                "the buffer {} is full: it holds {} of max_size {}",
                options_.directory,
                format_bytes(held),
                format_bytes(options_.max_size_bytes)
            )
        );
    }
    const auto free_bytes = fs_.free_bytes(options_.directory);
    if (free_bytes && *free_bytes < options_.segment_bytes + options_.free_bytes_min) {
        return fail(
            ErrorCode::kNoSpace,
            fmt::format(
                "{} is on a disk with {} free; {} are kept free and {} are needed",
                options_.directory,
                format_bytes(*free_bytes),
                format_bytes(options_.free_bytes_min),
                format_bytes(options_.segment_bytes)
            )
        );
    }
    if (share_ == nullptr) {
        return {};
    }
    share_->hold(held);
    if (!share_->try_hold(held + options_.segment_bytes)) {
        return fail(
            ErrorCode::kBackpressure,
            fmt::format(
                "buffers and held files have {} of limits.disk {}; {} holds {} of it",
                format_bytes(options_.budget->total()),
                format_bytes(options_.budget->limit()),
                options_.directory,
                format_bytes(held)
            )
        );
    }
    return {};
}

void SegmentLog::count_disk_bytes() {
    if (share_ != nullptr) {
        share_->hold(disk_bytes());
    }
}

Result<void> SegmentLog::roll(std::string lanes) {
    SEYIR_CHECK(check_room());
    seal_active();
    const LogPlace at = end();
    Segment segment{at.offset, at.row, options_.segment_bytes, path_of(segment_name(at.offset))};
    std::string bytes = encode(SegmentHeader{
        .buffer = id_, .base = at.offset, .first_row = at.row, .created = clock_.wall_now()
    });
    const FrameHeader header{
        .kind = FrameKind::kLanes,
        .body_bytes = static_cast<uint32_t>(lanes.size()),
        .body_crc = codec::crc32c(lanes),
        .offset = at.offset,
        .first_row = at.row
    };
    append(bytes, header);
    bytes += lanes;
    auto created = create(segment, bytes);
    if (!created) {
        count_disk_bytes();
        return created.error();
    }
    active_ = *std::move(created);
    active_base_ = at.offset;
    const std::lock_guard lock(mutex_);
    segments_.push_back(std::move(segment));
    end_ = {header.end(), at.row};
    return {};
}

Result<std::unique_ptr<io::File>> SegmentLog::create(
    const Segment& segment, std::string_view bytes
) {
    // Under its name it is complete: a crash leaves either no segment or a good one.
    const std::string temporary = segment.path + ".tmp";
    const auto make = [&]() -> Result<std::unique_ptr<io::File>> {
        SEYIR_TRY(auto file, fs_.open(temporary, io::OpenMode::kWriteTruncate));
        SEYIR_CHECK(file->allocate(options_.segment_bytes));
        SEYIR_CHECK(file->write_at(0, bytes));
        SEYIR_CHECK(file->sync());
        SEYIR_CHECK(fs_.rename(temporary, segment.path));
        SEYIR_CHECK(fs_.sync_directory(options_.directory));
        return file;
    };
    auto file = make();
    if (!file) {
        (void)fs_.remove(temporary);
    }
    return file;
}

LogPlace SegmentLog::begin() const {
    const std::lock_guard lock(mutex_);
    return segments_.empty() ? end_ : LogPlace{segments_.front().base, segments_.front().first_row};
}

LogPlace SegmentLog::end() const {
    const std::lock_guard lock(mutex_);
    return end_;
}

uint64_t SegmentLog::disk_bytes() const {
    const std::lock_guard lock(mutex_);
    uint64_t bytes = 0;
    for (const Segment& segment : segments_) {
        bytes += segment.disk_bytes;
    }
    return bytes;
}

size_t SegmentLog::segment_count() const {
    const std::lock_guard lock(mutex_);
    return segments_.size();
}

bool SegmentLog::trim(uint64_t offset) {
    const std::lock_guard lock(mutex_);
    bool any = false;
    while (segments_.size() > 1 && segments_[1].base <= offset) {
        const auto removed = fs_.remove(segments_.front().path);
        if (!removed && removed.error().code != ErrorCode::kNotFound) {
            log::warn("buffer", "a segment stays", {{"error", removed.error().message}});
            break;
        }
        segments_.pop_front();
        any = true;
    }
    if (any && share_ != nullptr) {
        uint64_t bytes = 0;
        for (const Segment& segment : segments_) {
            bytes += segment.disk_bytes;
        }
        share_->hold(bytes);
    }
    return any;
}

std::optional<LogPlace> SegmentLog::first_segment_end() const {
    const std::lock_guard lock(mutex_);
    if (segments_.size() < 2) {
        return std::nullopt;
    }
    return LogPlace{segments_[1].base, segments_[1].first_row};
}

}  // namespace seyir::buffer
