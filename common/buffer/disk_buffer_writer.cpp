// SPDX-License-Identifier: Apache-2.0
// DiskBuffer: its writer thread: takes everything queued, writes it as one piece, syncs once,
// answers all of it (natural group commit).
#include <algorithm>
#include <utility>

#include <pthread.h>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/buffer/disk_buffer.hpp"

namespace seyir::buffer {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kGroupBytesMax = 16 * kMiB;
constexpr size_t kGroupMax = 1024;
constexpr Nanos kRetryMin = 100ms;
constexpr Nanos kRetryMax = 5s;
constexpr Nanos kCursorEvery = 100ms;
constexpr Nanos kCursorDurableEvery = 1s;
constexpr uint64_t kRecentBytesMax = 8 * kMiB;

}  // namespace

void DiskBuffer::run() {
    pthread_setname_np(pthread_self(), "buffer-write");
    std::unique_lock lock(mutex_);
    while (true) {
        wait_for_work(lock);
        if (stopping_ && ((queue_.empty() && group_.empty()) || is_blocked_)) {
            break;
        }
        lock.unlock();
        give_back_abandoned();
        work(maintain());
        lock.lock();
    }
}

bool DiskBuffer::has_work() const {
    if (stopping_ || abandoned_ != nullptr || poked_) {
        return true;
    }
    return is_blocked_ ? clock_.steady_now() >= retry_at_ : !queue_.empty();
}

void DiskBuffer::wait_for_work(std::unique_lock<std::mutex>& lock) {
    Nanos wait = 1h;
    const SteadyTime now = clock_.steady_now();
    if (is_blocked_) {
        wait = std::min<Nanos>(wait, retry_at_ - now);
    }
    if (cursor_dirty_) {
        wait = std::min<Nanos>(wait, cursor_saved_at_ + kCursorEvery - now);
    }
    if (has_unsynced_ && options_.sync == BufferOptions::Sync::kInterval) {
        wait = std::min<Nanos>(wait, synced_at_ + options_.sync_interval - now);
    }
    wake_.wait_for(lock, std::max<Nanos>(wait, 1ms), [this] { return has_work(); });
    poked_ = false;
}

void DiskBuffer::collect_group() {
    const std::lock_guard lock(mutex_);
    uint64_t bytes = 0;
    for (const Append& one : group_) {
        bytes += one.view.batch->raw_bytes();
    }
    while (!queue_.empty() && group_.size() < kGroupMax && bytes < kGroupBytesMax) {
        bytes += queue_.front().view.batch->raw_bytes();
        group_.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
}

void DiskBuffer::work(bool room_made) {
    {
        const std::lock_guard lock(mutex_);
        if (is_blocked_ && !room_made && !stopping_ && clock_.steady_now() < retry_at_) {
            return;
        }
    }
    collect_group();
    if (group_.empty()) {
        return;
    }
    for (Append& one : group_) {
        if (!one.is_ready) {
            prepare(one);
        }
    }
    Progress progress = Progress::kAgain;
    while (progress == Progress::kAgain) {
        progress = write_group();
        answer(take_finished());
    }
}

void DiskBuffer::prepare(Append& one) {
    one.is_ready = true;
    one.judgement = judged_.judge(one.view, one.required);
    DeliveryReport& report = one.report;
    report.duplicate = one.judgement.duplicate_rows;
    report.lanes = one.judgement.verdicts;
    report.outcome = one.judgement.must_rewind ? Outcome::kRewind : Outcome::kDelivered;
    metrics_.duplicate.add(report.duplicate);
    if (one.judgement.is_empty()) {
        return;
    }
    judged_.apply(one.judgement.changes);
    encode(one, one.judgement.keep);
    const bool moves = !one.judgement.changes.empty();
    if (one.frames.empty() && moves && one.judgement.keep.row_count() > 0) {
        encode(one, {one.view.batch, Selection::of({})});
    }
    if (!one.frames.empty()) {
        one.frames.back().flags = 0;
    }
    if (!report.rejected_rows.empty()) {
        report.outcome = std::max(report.outcome, Outcome::kRejected);
        report.dropped = static_cast<uint32_t>(report.rejected_rows.size());
        report.reason = "record_too_large";
    }
    report.accepted =
        static_cast<uint32_t>(one.judgement.keep.row_count() - report.rejected_rows.size());
}

/// In halves when a format limit is exceeded; one row beyond it alone is rejected.
void DiskBuffer::encode(Append& one, const BatchView& view) {
    const auto& known = view.batch->encoded();
    const auto& positions = one.judgement.positions;
    auto encoded = positions                ? encoder_.encode(view, *positions)
                   : view.rows.all && known ? Result<EncodedBatch>(*known)
                                            : encoder_.encode(view);
    const size_t rows = view.row_count();
    if (encoded) {
        PendingFrame frame;
        buffer::append(
            frame.prefix,
            BatchPrefix{
                .tenant = view.batch->tenant(),
                .appended = clock_.wall_now(),
                .agent = view.batch->provenance().agent,
                .push_hash = view.batch->provenance().push_hash
            }
        );
        frame.payload = encoded->bytes;
        frame.rows = static_cast<uint32_t>(rows);
        frame.flags = kPositionsDoNotCount;
        one.frames.push_back(std::move(frame));
        one.frame_views.push_back(view);
        return;
    }
    std::vector<uint32_t> all;
    all.reserve(rows);
    for_each_row(view, [&](uint32_t i) { all.push_back(i); });
    if (rows <= 1) {
        one.report.message = encoded.error().message;
        one.report.rejected_rows.insert(one.report.rejected_rows.end(), all.begin(), all.end());
        return;
    }
    const auto middle = all.begin() + static_cast<ptrdiff_t>(rows / 2);
    encode(one, {view.batch, Selection::of({all.begin(), middle})});
    encode(one, {view.batch, Selection::of({middle, all.end()})});
}

DiskBuffer::Progress DiskBuffer::write_group() {
    frames_.clear();
    for (Append& one : group_) {
        for (size_t i = one.frames_written; i < one.frames.size(); ++i) {
            frames_.push_back(one.frames[i]);
        }
    }
    const auto lanes = [this](size_t written) {
        LaneBook book = durable_;
        for (const Append& one : group_) {
            const size_t left = one.frames.size() - one.frames_written;
            if (left > written) {
                break;
            }
            written -= left;
            book.apply(one.judgement.changes);
        }
        std::string body;
        buffer::append(body, book.snapshot());
        return body;
    };
    size_t written = 0;
    const Result<void> result = log_.write(frames_, lanes, written);
    publish(written);
    if (result) {
        note_written();
        return Progress::kDone;
    }
    if (make_room(result.error())) {
        return Progress::kAgain;
    }
    note_failure(result.error());
    return Progress::kBlocked;
}

/// The first `frames` frames of the group are in the log: the reader may have them.
void DiskBuffer::publish(size_t frames) {
    if (frames == 0) {
        return;
    }
    uint64_t rows = 0;
    {
        const std::lock_guard lock(mutex_);
        size_t index = 0;
        for (Append& one : group_) {
            for (; one.frames_written < one.frames.size() && index < frames; ++index) {
                PendingFrame& frame = frames_[index];
                Recent recent{
                    .from = last_batch_end_,
                    .header = frame.header,
                    .tail_hash = frame.tail_hash,
                    .prefix = *decode_batch_prefix(frame.prefix),
                    .payload = frame.payload,
                    .view = std::move(one.frame_views[one.frames_written++]),
                    .bytes = frame.payload->size()
                };
                recent.bytes += recent.view.batch->raw_bytes();
                last_batch_end_ = frame.header.end();
                marks_.add(frame.header.offset, recent.prefix.appended);
                rows += frame.rows;
                recent_bytes_ += recent.bytes;
                recent_.push_back(std::move(recent));
            }
        }
        while (recent_bytes_ > kRecentBytesMax) {
            recent_bytes_ -= recent_.front().bytes;
            recent_.pop_front();
        }
        rows_ += static_cast<int64_t>(rows);
        has_unsynced_ = options_.sync != BufferOptions::Sync::kAck;
    }
    metrics_.appended.add(rows);
    wake_holder();
}

std::vector<DiskBuffer::Append> DiskBuffer::take_finished() {
    std::vector<Append> finished;
    std::deque<Append> left;
    for (Append& one : group_) {
        const bool done = one.is_ready && one.frames_written == one.frames.size();
        if (done) {
            const std::lock_guard lock(lanes_mutex_);
            durable_.apply(one.judgement.changes);
            finished.push_back(std::move(one));
        } else {
            left.push_back(std::move(one));
        }
    }
    group_.swap(left);
    return finished;
}

void DiskBuffer::answer(std::vector<Append> finished) {
    for (Append& one : finished) {
        one.done(std::move(one.report));
    }
    if (finished.empty()) {
        return;
    }
    const std::lock_guard lock(mutex_);
    for (const Append& one : finished) {
        const auto at = unanswered_.find(one.owner);
        if (at != unanswered_.end() && --at->second == 0) {
            unanswered_.erase(at);
        }
    }
    answered_.notify_all();
}

/// True when the write is worth another try at once.
bool DiskBuffer::make_room(const Error& error) {
    if (error.code != ErrorCode::kBackpressure && error.code != ErrorCode::kNoSpace) {
        return false;
    }
    if (maintain()) {
        return true;
    }
    BufferOptions::WhenFull when_full{};
    {
        const std::lock_guard lock(mutex_);
        when_full = options_.when_full;
    }
    if (when_full == BufferOptions::WhenFull::kDropOldest && drop_oldest()) {
        return true;
    }
    return drop_newest();
}

bool DiskBuffer::drop_oldest() {
    const auto end = log_.first_segment_end();
    if (!end) {
        return false;
    }
    {
        const std::lock_guard lock(mutex_);
        uint64_t lost = 0;
        for (Handed& handed : handed_) {
            const bool goes = handed.state == Handed::State::kReturned;
            if (goes && handed.begin.offset < end->offset) {
                handed.state = Handed::State::kSettled;
                lost += handed.rows;
            }
        }
        if (next_.offset < end->offset) {
            lost += end->row - next_.row;
            push_settled(next_, *end, 0);
            next_ = *end;
            ++epoch_;
        }
        rows_ -= static_cast<int64_t>(lost);
        metrics_.drop("buffer_full", lost);
        advance();
    }
    return log_.trim(end->offset);
}

/// Of the batches that wait: all when the policy says so, else those nobody waits for.
bool DiskBuffer::drop_newest() {
    bool any = false;
    const std::lock_guard lock(mutex_);
    const bool all = options_.when_full == BufferOptions::WhenFull::kDropNewest;
    for (Append& one : group_) {
        if ((one.required && !all) || one.frames_written == one.frames.size()) {
            continue;
        }
        // The source goes on behind them, so its lane does too.
        for (; one.frames_written < one.frames.size(); ++one.frames_written) {
            one.report.dropped += one.frames[one.frames_written].rows;
            one.report.accepted -= one.frames[one.frames_written].rows;
        }
        one.report.outcome = std::max(one.report.outcome, Outcome::kDropped);
        one.report.reason = "buffer_full";
        any = true;
    }
    return any;
}

namespace {

/// The free bytes of a nearly full disk change with each look: no news.
std::string without_numbers(std::string text) {
    std::erase_if(text, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
    for (const std::string_view unit : {" B", " KiB", " MiB", " GiB", " TiB"}) {
        for (size_t at = text.find(unit); at != std::string::npos; at = text.find(unit, at)) {
            text.erase(at, unit.size());
        }
    }
    return text;
}

}  // namespace

void DiskBuffer::note_failure(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (without_numbers(failure_) != without_numbers(error.message)) {
        log::error(
            "buffer",
            "cannot take in more; sources wait",
            {{"output", setup_.id}, {"error", error.message}}
        );
    }
    metrics_.failures.add(error.code == ErrorCode::kBackpressure ? 0 : 1);
    failure_ = error.message;
    retry_delay_ = std::clamp<Nanos>(retry_delay_ * 2, kRetryMin, kRetryMax);
    retry_at_ = clock_.steady_now() + retry_delay_;
    is_blocked_ = true;
}

void DiskBuffer::note_written() {
    const std::lock_guard lock(mutex_);
    if (!failure_.empty()) {
        log::info("buffer", "takes in again", {{"output", setup_.id}});
    }
    failure_.clear();
    retry_delay_ = Nanos(0);
    is_blocked_ = false;
}

void DiskBuffer::give_back_abandoned() {
    std::vector<Append> given;
    {
        const std::lock_guard lock(mutex_);
        if (abandoned_ == nullptr) {
            return;
        }
        const auto take = [&](std::deque<Append>& from) {
            std::deque<Append> keep;
            for (Append& one : from) {
                if (one.owner == abandoned_) {
                    given.push_back(std::move(one));
                } else {
                    keep.push_back(std::move(one));
                }
            }
            from.swap(keep);
        };
        take(group_);
        take(queue_);
        abandoned_ = nullptr;
    }
    // What was judged and not written must be judged again: it may have built on what goes.
    judged_ = durable_;
    for (Append& one : group_) {
        one.is_ready = one.frames_written > 0;
        if (one.is_ready) {
            judged_.apply(one.judgement.changes);
        } else {
            one.frames.clear();
            one.frame_views.clear();
            one.report = {};
        }
    }
    for (Append& one : given) {
        one.report = DeliveryReport::retry("the buffer stopped before the rows were written");
    }
    answer(std::move(given));
}

Result<void> DiskBuffer::save_cursor(bool durable) {
    const std::lock_guard file_lock(cursor_mutex_);
    Cursor cursor{.buffer = log_.id()};
    {
        const std::lock_guard lock(mutex_);
        cursor.offset = acked_.offset;
        cursor.row = acked_.row;
        cursor.tail_hash = acked_hash_;
        cursor.generation = generation_;
        cursor_dirty_ = false;
    }
    Result<void> saved = cursor_file_.save(cursor, durable);
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.steady_now();
    cursor_saved_at_ = now;
    cursor_durable_at_ = durable && saved ? now : cursor_durable_at_;
    cursor_dirty_ = cursor_dirty_ || !saved;
    return saved;
}

/// True when segments were deleted.
bool DiskBuffer::maintain() {
    const SteadyTime now = clock_.steady_now();
    bool save = false;
    bool durable = false;
    uint64_t acked = 0;
    {
        const std::lock_guard lock(mutex_);
        save = cursor_dirty_ && now - cursor_saved_at_ >= kCursorEvery;
        durable = now - cursor_durable_at_ >= kCursorDurableEvery;
        acked = acked_.offset;
    }
    const auto saved = save ? save_cursor(durable) : Result<void>{};
    if (!saved) {
        log::warn("buffer", "the cursor was not saved", {{"error", saved.error().message}});
    }
    const bool trimmed = log_.trim(acked);
    const bool in_time = now - synced_at_ < options_.sync_interval;
    if (has_unsynced_ && options_.sync == BufferOptions::Sync::kInterval && !in_time) {
        has_unsynced_ = false;
        synced_at_ = now;
        if (const auto synced = log_.sync(); !synced) {
            note_failure(synced.error());
        }
    }
    return trimmed;
}

}  // namespace seyir::buffer
