// SPDX-License-Identifier: Apache-2.0
// DiskBuffer: handing out what is in the log, and moving the cursor behind what is settled.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/buffer/disk_buffer.hpp"

namespace seyir::buffer {
namespace {

/// Attempts at bytes that cannot be read before they count as bad.
constexpr uint32_t kReadAttempts = 8;

}  // namespace

std::optional<Delivery> DiskBuffer::take(bool with_positions) {
    while (true) {
        LogPlace from;
        uint64_t again_id = 0;
        uint64_t epoch = 0;
        {
            const std::lock_guard lock(mutex_);
            epoch = epoch_;
            const auto again = std::ranges::find(handed_, Handed::State::kReturned, &Handed::state);
            from = again == handed_.end() ? next_ : again->begin;
            again_id = again == handed_.end() ? 0 : again->id;
        }
        std::optional<Taken> taken = next_frame(from);
        if (!taken) {
            return std::nullopt;
        }
        Unpacked unpacked = unpack(*taken, with_positions);
        const std::lock_guard lock(mutex_);
        if (epoch != epoch_) {
            continue;
        }
        Handed* handed = again_id == 0 ? hand_out(*taken, unpacked) : find(again_id);
        if (again_id != 0 && (!unpacked || taken->frame.next != handed->end)) {
            lose(*handed);
            advance();
            handed = nullptr;
        }
        if (handed == nullptr) {
            continue;
        }
        handed->state = Handed::State::kOut;
        if (unpacked.own != nullptr) {
            unpacked.own->replace_positions(
                {.key = lane_locked(),
                 .begin = handed->position_begin,
                 .end = handed->end.offset,
                 .tail_hash = handed->tail_hash,
                 .lane_start = handed->lane_start}
            );
            unpacked.view = {std::move(unpacked.own), {}};
        }
        return Delivery{handed->id, std::move(unpacked.view), handed->appended};
    }
}

std::optional<DiskBuffer::Taken> DiskBuffer::next_frame(LogPlace from) {
    {
        const std::lock_guard lock(mutex_);
        while (!recent_.empty() && recent_.front().header.end() <= from.offset) {
            recent_bytes_ -= recent_.front().bytes;
            recent_.pop_front();
        }
        const auto at = std::ranges::find_if(recent_, [&](const Recent& recent) {
            return recent.from == from.offset || recent.header.offset == from.offset;
        });
        if (at != recent_.end()) {
            Taken taken;
            const FrameHeader& header = at->header;
            taken.frame.has_frame = true;
            taken.frame.header = header;
            taken.frame.tail_hash = at->tail_hash;
            taken.frame.next = {header.end(), header.first_row + header.rows};
            taken.recent = *at;
            return taken;
        }
    }
    auto got = log_.read(from, read_failures_ >= kReadAttempts);
    const std::lock_guard lock(mutex_);
    if (!got) {
        ++read_failures_;
        read_failure_ = got.error().message;
        return std::nullopt;
    }
    read_failures_ = 0;
    read_failure_.clear();
    if (!*got) {
        return std::nullopt;
    }
    return Taken{.frame = **std::move(got), .recent = std::nullopt};
}

DiskBuffer::Unpacked DiskBuffer::unpack(Taken& taken, bool with_positions) {
    Unpacked out;
    if (!taken.frame.has_frame) {
        return out;
    }
    BatchPrefix prefix;
    std::shared_ptr<const std::string> payload;
    if (taken.recent) {
        prefix = taken.recent->prefix;
        payload = taken.recent->payload;
        out.appended = prefix.appended;
        if (!with_positions) {
            out.view = std::move(taken.recent->view);
            out.is_good = true;
            return out;
        }
    } else {
        const auto found = decode_batch_prefix(taken.frame.body);
        if (!found) {
            return out;
        }
        prefix = *found;
        out.appended = prefix.appended;
        payload =
            std::make_shared<const std::string>(taken.frame.body.substr(kBatchPrefixBytesInFrame));
    }
    auto encoded = encoded_from_bytes(std::move(payload));
    auto batch = encoded ? decoder_.decode(*encoded, prefix.tenant)
                         : Result<std::shared_ptr<RecordBatch>>(std::move(encoded).error());
    if (!batch) {
        log::error(
            "buffer",
            "a batch cannot be unpacked; its rows are lost",
            {{"output", setup_.id}, {"error", batch.error().message}}
        );
        return out;
    }
    (*batch)->set_provenance({.agent = prefix.agent, .push_hash = prefix.push_hash});
    out.is_good = true;
    if (with_positions) {
        out.own = *std::move(batch);
    } else {
        out.view = {*std::move(batch), {}};
    }
    return out;
}

/// The frame's entry, or nullptr when there is nothing of it to hand out.
DiskBuffer::Handed* DiskBuffer::hand_out(const Taken& taken, const Unpacked& unpacked) {
    const LogFrame& frame = taken.frame;
    const FrameHeader& header = frame.header;
    const LogPlace begin = frame.has_frame ? LogPlace{header.offset, header.first_row} : frame.next;
    if (frame.skipped_bytes > 0) {
        metrics_.corrupt_frames.add(frame.bad_places);
        metrics_.drop("buffer_corrupt", frame.skipped_rows);
        rows_ -= static_cast<int64_t>(frame.skipped_rows);
        log::error(
            "buffer",
            "damaged bytes are skipped",
            {{"output", setup_.id},
             {"offset", std::to_string(next_.offset)},
             {"bytes", std::to_string(frame.skipped_bytes)},
             {"rows", std::to_string(frame.skipped_rows)}}
        );
    }
    if (begin != next_) {
        push_settled(next_, begin, 0);
    }
    next_ = frame.next;
    if (!frame.has_frame || !unpacked.is_good || header.rows == 0) {
        const uint32_t lost = frame.has_frame && !unpacked.is_good ? header.rows : 0;
        metrics_.drop("buffer_corrupt", lost);
        rows_ -= lost;
        push_settled(begin, next_, frame.tail_hash);
        advance();
        return nullptr;
    }
    handed_.push_back(
        {.id = next_id_++,
         .begin = begin,
         .end = next_,
         .position_begin = std::exchange(position_end_, next_.offset),
         .lane_start = std::exchange(lane_start_, false),
         .rows = header.rows,
         .tail_hash = frame.tail_hash,
         .appended = unpacked.appended}
    );
    return &handed_.back();
}

void DiskBuffer::push_settled(LogPlace from, LogPlace to, uint64_t tail_hash) {
    handed_.push_back({.begin = from, .end = to, .tail_hash = tail_hash});
}

void DiskBuffer::lose(Handed& handed) {
    handed.state = Handed::State::kSettled;
    rows_ -= handed.rows;
    metrics_.drop("buffer_corrupt", handed.rows);
    metrics_.corrupt_frames.add();
}

DiskBuffer::Handed* DiskBuffer::find(uint64_t id) {
    const auto at = std::ranges::find(handed_, id, &Handed::id);
    return at == handed_.end() ? nullptr : &*at;
}

void DiskBuffer::settle(uint64_t id, DeliveryReport report) {
    const std::lock_guard lock(mutex_);
    Handed* const handed = find(id);
    if (handed == nullptr || handed->state == Handed::State::kSettled) {
        return;
    }
    const uint32_t dropped = std::min(report.dropped, handed->rows);
    metrics_.drop(report.reason.empty() ? "other" : report.reason, dropped);
    metrics_.delivered.add(handed->rows - dropped);
    rows_ -= handed->rows;
    handed->state = Handed::State::kSettled;
    advance();
}

void DiskBuffer::give_back(uint64_t id) {
    const std::lock_guard lock(mutex_);
    Handed* const handed = find(id);
    if (handed != nullptr && handed->state == Handed::State::kOut) {
        handed->state = Handed::State::kReturned;
    }
}

void DiskBuffer::advance() {
    bool moved = false;
    while (!handed_.empty() && handed_.front().state == Handed::State::kSettled) {
        acked_ = handed_.front().end;
        acked_hash_ = handed_.front().tail_hash;
        handed_.pop_front();
        moved = true;
    }
    marks_.forget_before(acked_.offset);
    if (moved && (is_blocked_ || !cursor_dirty_)) {
        poked_ = true;
        wake_.notify_one();
    }
    cursor_dirty_ = cursor_dirty_ || moved;
}

// --- the far collector's positions ---

SourceKey DiskBuffer::lane_locked() const {
    const BufferId id = log_.id();
    return {SourceId{id.hi, id.lo}, generation_};
}

SourceKey DiskBuffer::lane() const {
    const std::lock_guard lock(mutex_);
    return lane_locked();
}

std::vector<pipeline::CommittedLane> DiskBuffer::committed(
    TenantId tenant, AgentId agent, const std::vector<SourceKey>& lanes
) const {
    std::vector<pipeline::CommittedLane> out;
    out.reserve(lanes.size());
    const std::lock_guard lock(lanes_mutex_);
    for (const SourceKey& key : lanes) {
        const auto lane = durable_.find({tenant, agent, key});
        out.push_back(
            {.key = key,
             .known = lane.has_value(),
             .committed = lane ? lane->committed : 0,
             .tail_hash = lane ? lane->tail_hash : 0}
        );
    }
    return out;
}

Result<std::string> DiskBuffer::resume(const pipeline::CommittedLane& committed) {
    LogPlace acked;
    uint64_t acked_hash = 0;
    {
        const std::lock_guard lock(mutex_);
        acked = acked_;
        acked_hash = acked_hash_;
    }
    if (!committed.known) {
        move_to(acked, acked_hash, acked.offset > 0);
        return std::string();
    }
    const uint64_t offset = committed.committed;
    SEYIR_TRY(const auto found, log_.boundary(offset));
    const bool is_cursor = offset == acked.offset && committed.tail_hash == acked_hash;
    const bool is_start = found && offset == 0;
    const bool same_bytes = found && found->tail_hash == committed.tail_hash;
    if (is_cursor || is_start || same_bytes) {
        const LogPlace place = is_cursor ? acked : found->place;
        move_to(place, committed.tail_hash, false);
        return std::string();
    }
    const LogPlace begin = log_.begin();
    if (offset < begin.offset) {
        move_to(begin, 0, true);
        return fmt::format(
            "the collector has this buffer up to offset {}, but it begins at {}: {} bytes cannot "
            "be sent again",
            offset,
            begin.offset,
            begin.offset - offset
        );
    }
    {
        const std::lock_guard lock(mutex_);
        ++generation_;
    }
    // Kept before it is used: a crash must not bring the old one back under new positions.
    SEYIR_CHECK(save_cursor(true));
    move_to(acked, acked_hash, acked.offset > 0);
    return fmt::format(
        "the collector has other bytes than this buffer up to offset {}: a new lane is begun",
        offset
    );
}

void DiskBuffer::move_to(LogPlace place, uint64_t tail_hash, bool lane_start) {
    const std::lock_guard lock(mutex_);
    const auto left = static_cast<int64_t>(log_.end().row - std::min(log_.end().row, place.row));
    // Further on: the far side has them. Back: it has lost them.
    if (left < rows_) {
        metrics_.delivered.add(static_cast<uint64_t>(rows_ - left));
    } else {
        metrics_.recovered.add(static_cast<uint64_t>(left - rows_));
    }
    rows_ = left;
    handed_.clear();
    acked_ = place;
    acked_hash_ = tail_hash;
    next_ = place;
    position_end_ = place.offset;
    lane_start_ = lane_start;
    ++epoch_;
    cursor_dirty_ = true;
    poked_ = true;
    wake_.notify_one();
}

}  // namespace seyir::buffer
