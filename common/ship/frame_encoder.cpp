// SPDX-License-Identifier: Apache-2.0
#include "common/ship/frame_encoder.hpp"

#include <algorithm>

#include <pthread.h>

#include "common/base/log.hpp"
#include "common/samples/metric_samples.hpp"
#include "common/wire/relay.hpp"

namespace seyir::ship {
namespace {

struct TimeSpan {
    UnixNanos min;
    UnixNanos max;
};

/// Of the selected rows; zeros without any.
TimeSpan time_span(const BatchView& view) {
    if (view.row_count() == 0) {
        return {};
    }
    if (view.rows.all) {
        return {view.batch->min_ts(), view.batch->max_ts()};
    }
    TimeSpan out{UnixNanos::max(), UnixNanos::min()};
    for_each_row(view, [&](uint32_t row) {
        out.min = std::min(out.min, view.batch->ts(row));
        out.max = std::max(out.max, view.batch->ts(row));
    });
    return out;
}

}  // namespace

void leave_rows_out(OutFrame& frame, std::string reason) {
    BatchDecoder decoder;
    const auto batch = decoder.decode(frame.encoded, TenantId::kDefault);
    if (!batch) {
        return;  // our own bytes; the collector will say what is wrong with them
    }
    auto encoded = encode_batch({*batch, Selection::of({})}, PayloadCodec::kLz4);
    if (!encoded) {
        return;
    }
    frame.encoded = *std::move(encoded);
    frame.kind = wire::FrameKind::kLogs;
    frame.dropped_rows += std::exchange(frame.rows, 0);
    frame.drop_reason = std::move(reason);
    frame.min_ts = {};
    frame.max_ts = {};
}

FrameEncoder::FrameEncoder(EncodeOptions options, uint64_t in_flight_bytes_max)
    : encoder_(options), in_flight_bytes_max_(in_flight_bytes_max) {}

FrameEncoder::~FrameEncoder() {
    stop();
}

void FrameEncoder::start(Sink sink) {
    sink_ = std::move(sink);
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "ship-encode");
        run();
    });
}

void FrameEncoder::deliver(BatchView view, pipeline::DeliverDone done) {
    {
        const std::lock_guard lock(mutex_);
        if (!stopped_) {
            queue_.push_back({std::move(view), std::move(done)});
            wake_.notify_one();
            return;
        }
    }
    done(DeliveryReport::retry("the output is stopping"));
}

void FrameEncoder::release(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    in_flight_bytes_ -= bytes;
    wake_.notify_one();
}

void FrameEncoder::flush(const std::string& why) {
    std::deque<Waiting> waiting;
    {
        const std::lock_guard lock(mutex_);
        waiting.swap(queue_);
    }
    for (Waiting& one : waiting) {
        one.done(DeliveryReport::retry(why));
    }
}

void FrameEncoder::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        wake_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
    flush("the output is stopping");
}

void FrameEncoder::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        wake_.wait(lock, [this] {
            const bool room = in_flight_bytes_ < in_flight_bytes_max_;
            return stopped_ || (room && !queue_.empty());
        });
        if (stopped_) {
            return;
        }
        Waiting waiting = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        auto frame = encode(waiting);
        waiting.view = {};
        lock.lock();
        if (frame) {
            in_flight_bytes_ += frame->budget_bytes;
            lock.unlock();
            sink_(*std::move(frame));
            lock.lock();
        }
    }
}

std::optional<OutFrame> FrameEncoder::encode(Waiting& waiting) {
    BatchView& view = waiting.view;
    OutFrame out;
    const auto& known = view.batch->encoded();
    Result<EncodedBatch> encoded =
        view.rows.all && known ? Result<EncodedBatch>(*known) : encoder_.encode(view);
    if (!encoded) {
        out.dropped_rows = static_cast<uint32_t>(view.row_count());
        out.drop_reason = "frame_too_large";
        log::error(
            "ship",
            "a batch cannot be sent; its rows are dropped",
            {{"rows", std::to_string(out.dropped_rows)}, {"why", encoded.error().message}}
        );
        view.rows = Selection::of({});
        encoded = view.batch->positions().empty() ? encoded : encoder_.encode(view);
    }
    if (!encoded) {
        DeliveryReport report;
        report.outcome = Outcome::kRejected;
        report.dropped = out.dropped_rows;
        report.reason = out.drop_reason;
        report.message = encoded.error().message;
        waiting.done(std::move(report));
        return std::nullopt;
    }
    if (samples::is_metrics(*view.batch)) {
        out.kind = wire::FrameKind::kMetrics;
    } else if (relay::is_relayed(*view.batch)) {
        out.kind = wire::FrameKind::kRelay;
    }
    const TimeSpan span = time_span(view);
    out.rows = static_cast<uint32_t>(view.row_count());
    out.min_ts = span.min;
    out.max_ts = span.max;
    out.encoded = *std::move(encoded);
    out.budget_bytes = out.encoded.raw_bytes;
    for (const SourcePosition& position : view.batch->positions()) {
        out.lanes.push_back(position.key);
    }
    out.done = std::move(waiting.done);
    return out;
}

}  // namespace seyir::ship
