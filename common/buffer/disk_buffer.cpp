// SPDX-License-Identifier: Apache-2.0
// DiskBuffer: opening, taking in, the lease, health; the writer and the reader have files of their
// own.
#include "common/buffer/disk_buffer.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"

namespace seyir::buffer {
namespace {

constexpr uint64_t kSegmentBytesMin = 16 * kMiB;
constexpr uint64_t kSegmentBytesMax = 64 * kMiB;

SegmentLog::Options log_options(const DiskBuffer::Setup& setup) {
    const BufferOptions& options = setup.options;
    const uint64_t wanted =
        std::clamp(options.max_size_bytes / 32, kSegmentBytesMin, kSegmentBytesMax);
    return {
        .directory = setup.directory,
        .segment_bytes = setup.segment_bytes != 0 ? setup.segment_bytes : wanted,
        .max_size_bytes = options.max_size_bytes,
        .free_bytes_min = options.free_bytes_min,
        .sync_each_write = options.sync == BufferOptions::Sync::kAck,
        .budget = setup.budget
    };
}

EncodeOptions encode_options() {
    EncodeOptions options;
    options.keep_parsed = true;
    return options;
}

}  // namespace

DiskBuffer::DiskBuffer(
    Setup setup, io::FileSystem& fs, io::Clock& clock, metrics::Registry& registry
)
    : setup_(std::move(setup)),
      fs_(fs),
      clock_(clock),
      metrics_(registry, setup_.id),
      log_(fs, clock, log_options(setup_)),
      cursor_file_(fs, setup_.directory + "/cursor"),
      encoder_(encode_options()),
      options_(setup_.options) {}

Result<void> DiskBuffer::open() {
    SEYIR_CHECK(fs_.make_directories(setup_.directory));
    SEYIR_TRY(std::optional<Cursor> cursor, cursor_file_.load());
    LaneBook& lanes = durable_;
    const auto on_frame = [&](const FrameHeader& header, std::string_view body) {
        if (header.kind == FrameKind::kLanes) {
            if (const auto snapshot = decode_lanes(body)) {
                lanes.load(*snapshot);
            }
        }
        const auto prefix =
            header.kind == FrameKind::kBatch ? decode_batch_prefix(body) : std::nullopt;
        if (prefix) {
            marks_.add(header.offset, prefix->appended);
        }
        if (header.kind == FrameKind::kBatch && (header.flags & kPositionsDoNotCount) == 0) {
            const auto head = prefix
                                  ? decoder_.read_header(body.substr(kBatchPrefixBytesInFrame))
                                  : Result<EncodedHeader>(fail(ErrorCode::kCorrupt, "no prefix"));
            for (size_t i = 0; head && i < head->positions.size(); ++i) {
                const SourcePosition& p = head->positions[i];
                lanes.apply({{{prefix->tenant, prefix->agent, p.key}, {p.end, p.tail_hash}}});
            }
        }
    };
    const Cursor known = cursor.value_or(Cursor{});
    SEYIR_CHECK(log_.open(known.buffer, {known.offset, known.row}, on_frame));
    if (cursor_file_.was_damaged()) {
        log::error(
            "buffer",
            "the cursor is damaged: what is in the buffer goes out again",
            {{"output", setup_.id}, {"folder", setup_.directory}}
        );
        metrics_.corrupt_frames.add();
    }
    const bool is_ours = cursor && cursor->buffer == log_.id();
    acked_ = is_ours ? LogPlace{cursor->offset, cursor->row} : log_.begin();
    acked_hash_ = is_ours ? cursor->tail_hash : 0;
    generation_ = is_ours ? cursor->generation : 0;
    if (acked_.offset < log_.begin().offset) {
        acked_ = log_.begin();
    }
    next_ = acked_;
    position_end_ = acked_.offset;
    judged_ = durable_;
    last_batch_end_ = log_.end().offset;
    rows_ = static_cast<int64_t>(log_.end().row - std::min(acked_.row, log_.end().row));
    metrics_.recovered.add(static_cast<uint64_t>(rows_));
    if (const auto first = rows_ > 0 ? log_.read(acked_) : std::nullopt; first && *first) {
        if (const auto prefix = decode_batch_prefix((*first)->body)) {
            marks_.add_before((*first)->header.offset, prefix->appended);
        }
    }
    marks_.forget_before(acked_.offset);
    if (rows_ > 0) {
        log::info(
            "buffer",
            "rows of an earlier run wait",
            {{"output", setup_.id}, {"rows", std::to_string(rows_)}}
        );
    }
    log_.count_disk_bytes();
    refresh_metrics();
    thread_ = std::thread([this] { run(); });
    return {};
}

DiskBuffer::~DiskBuffer() {
    if (!thread_.joinable()) {
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        wake_.notify_all();
    }
    thread_.join();
    for (std::deque<Append>* left : {&group_, &queue_}) {
        for (Append& one : *left) {
            one.done(DeliveryReport::retry("the buffer is closed"));
        }
    }
    if (const auto saved = save_cursor(true); !saved) {
        log::warn("buffer", "the cursor was not saved", {{"error", saved.error().message}});
    }
    if (const auto closed = log_.close(); !closed) {
        log::error("buffer", "closing failed", {{"error", closed.error().message}});
    }
}

void DiskBuffer::set_options(const BufferOptions& options) {
    log_.set_limits(options.max_size_bytes, options.free_bytes_min);
    const std::lock_guard lock(mutex_);
    const BufferOptions::Sync sync = options_.sync;
    options_ = options;
    options_.sync = sync;
    poked_ = true;
    retry_at_ = clock_.steady_now();
    wake_.notify_one();
}

void DiskBuffer::append(
    const void* owner, bool required, BatchView view, pipeline::DeliverDone done
) {
    {
        const std::lock_guard lock(mutex_);
        if (!stopping_ && (required || !is_blocked_)) {
            ++unanswered_[owner];
            Append one;
            one.owner = owner;
            one.required = required;
            one.view = std::move(view);
            one.done = std::move(done);
            queue_.push_back(std::move(one));
            wake_.notify_one();
            return;
        }
    }
    if (required) {
        done(DeliveryReport::retry("the buffer is closed"));
        return;
    }
    done(
        {.outcome = Outcome::kDropped,
         .dropped = static_cast<uint32_t>(view.row_count()),
         .reason = "buffer_full"}
    );
}

void DiskBuffer::answer_all(const void* owner, SteadyTime deadline) {
    const auto is_done = [&] { return !unanswered_.contains(owner); };
    std::unique_lock lock(mutex_);
    const SteadyTime now = clock_.steady_now();
    if (deadline > now && answered_.wait_for(lock, deadline - now, is_done)) {
        return;
    }
    while (!is_done()) {
        abandoned_ = owner;
        wake_.notify_one();
        answered_.wait_for(lock, std::chrono::milliseconds(100), is_done);
    }
}

DiskBuffer::Ticket DiskBuffer::request_lease(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    leases_.emplace_back(next_ticket_, std::move(wake));
    return next_ticket_++;
}

bool DiskBuffer::has_lease(Ticket ticket) const {
    const std::lock_guard lock(mutex_);
    return !leases_.empty() && leases_.front().first == ticket;
}

void DiskBuffer::release_lease(Ticket ticket) {
    {
        const std::lock_guard lock(mutex_);
        if (!leases_.empty() && leases_.front().first == ticket) {
            for (Handed& handed : handed_) {
                if (handed.state == Handed::State::kOut) {
                    handed.state = Handed::State::kReturned;
                }
            }
        }
        std::erase_if(leases_, [&](const auto& lease) { return lease.first == ticket; });
    }
    wake_holder();
}

void DiskBuffer::wake_holder() {
    std::function<void()> wake;
    {
        const std::lock_guard lock(mutex_);
        if (leases_.empty()) {
            return;
        }
        wake = leases_.front().second;
    }
    wake();
}

pipeline::ComponentHealth DiskBuffer::health() const {
    const std::lock_guard lock(mutex_);
    if (!failure_.empty()) {
        return {false, "sources wait: " + failure_};
    }
    return {read_failure_.empty(), read_failure_};
}

uint64_t DiskBuffer::rows() const {
    const std::lock_guard lock(mutex_);
    return static_cast<uint64_t>(std::max<int64_t>(rows_, 0));
}

uint64_t DiskBuffer::waiting_bytes() const {
    const std::lock_guard lock(mutex_);
    const uint64_t end = log_.end().offset;
    return rows_ > 0 ? end - std::min(acked_.offset, end) : 0;
}

double DiskBuffer::oldest_seconds_locked() const {
    if (rows_ <= 0) {
        return 0;
    }
    const auto handed = std::ranges::find_if(handed_, [](const Handed& one) {
        return one.id != 0 && one.state != Handed::State::kSettled;
    });
    const std::optional<UnixNanos> oldest =
        handed == handed_.end() ? marks_.at(next_.offset) : std::optional(handed->appended);
    const Nanos age = oldest ? clock_.wall_now() - *oldest : Nanos(0);
    return std::max(0.0, std::chrono::duration<double>(age).count());
}

void DiskBuffer::refresh_metrics() {
    metrics_.bytes.set(static_cast<double>(log_.disk_bytes()));
    const std::lock_guard lock(mutex_);
    metrics_.rows.set(static_cast<double>(rows_));
    metrics_.oldest_seconds.set(oldest_seconds_locked());
}

std::string DiskBuffer::report() const {
    const uint64_t disk_bytes = log_.disk_bytes();
    const std::lock_guard lock(mutex_);
    const char* when_full = "block";
    if (options_.when_full != BufferOptions::WhenFull::kBlock) {
        const bool oldest_goes = options_.when_full == BufferOptions::WhenFull::kDropOldest;
        when_full = oldest_goes ? "drop_oldest" : "drop_newest";
    }
    return fmt::format(
        R"("rows":{},"bytes":{},"max_bytes":{},"when_full":"{}","oldest_seconds":{:.3f})",
        rows_,
        disk_bytes,
        options_.max_size_bytes,
        when_full,
        oldest_seconds_locked()
    );
}

}  // namespace seyir::buffer
