// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/write_loop.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/io/clock.hpp"

namespace seyir::plugins {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kRetryMin = 100ms;
constexpr Nanos kRetryMax = 5s;

SteadyTime now() {
    return io::system_clock().steady_now();
}

}  // namespace

WriteLoop::WriteLoop(
    std::string name, FormatRows format, WriteDurably write, uint64_t queue_bytes_max
)
    : name_(std::move(name)),
      format_(std::move(format)),
      write_(std::move(write)),
      queue_bytes_max_(queue_bytes_max) {}

WriteLoop::~WriteLoop() {
    stop(now());
}

void WriteLoop::start() {
    thread_ = std::thread([this] { run(); });
}

void WriteLoop::deliver(BatchView view, pipeline::DeliverDone done) {
    const uint64_t bytes = view.batch->memory_bytes();
    std::string refusal = name_ + " is stopping";
    {
        const std::lock_guard lock(mutex_);
        const bool fits = queued_bytes_ == 0 || queued_bytes_ + bytes <= queue_bytes_max_;
        if (!stopping_ && fits) {
            queued_bytes_ += bytes;
            queue_.push_back({std::move(view), bytes, std::move(done)});
            wake_.notify_one();
            return;
        }
        if (!stopping_) {
            refusal = fmt::format(
                "{} has {} to write, {} are allowed{}",
                name_,
                format_bytes(queued_bytes_),
                format_bytes(queue_bytes_max_),
                failure_.empty() ? "" : ": " + failure_
            );
        }
    }
    done(DeliveryReport::retry(std::move(refusal)));
}

void WriteLoop::stop(SteadyTime deadline) {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        deadline_ = deadline;
        wake_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

void WriteLoop::run() {
    while (true) {
        std::deque<Work> group;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) {
                return;
            }
            group.swap(queue_);
        }
        const bool durable = write_with_retry(group);
        {
            const std::lock_guard lock(mutex_);
            for (const Work& work : group) {
                queued_bytes_ -= work.bytes;
            }
        }
        for (Work& work : group) {
            const auto rows = static_cast<uint32_t>(work.view.row_count());
            work.done(
                durable ? DeliveryReport::delivered(rows)
                        : DeliveryReport::retry(name_ + " stopped before the rows were written")
            );
        }
    }
}

bool WriteLoop::write_with_retry(const std::deque<Work>& group) {
    buffer_.clear();
    for (const Work& work : group) {
        format_(buffer_, work.view);
    }
    Nanos delay = kRetryMin;
    while (true) {
        const Result<void> written = write_(buffer_);
        note(written);
        if (written) {
            return true;
        }
        if (!wait_before_retry(delay)) {
            return false;
        }
        delay = std::min(delay * 2, kRetryMax);
    }
}

bool WriteLoop::wait_before_retry(Nanos delay) {
    std::unique_lock lock(mutex_);
    const SteadyTime until = now() + delay;
    wake_.wait_until(lock, until, [&] { return stopping_; });
    if (stopping_) {
        // Tried again until the deadline, at the same pace.
        wake_.wait_until(lock, std::min(until, deadline_), [] { return false; });
    }
    return !stopping_ || now() < deadline_;
}

void WriteLoop::note(const Result<void>& result) {
    const std::string failure = result ? std::string() : result.error().message;
    const std::lock_guard lock(mutex_);
    if (failure == failure_) {
        return;
    }
    failure_ = failure;
    if (failure.empty()) {
        log::info("output", name_ + " writes again");
    } else {
        log::error("output", name_ + " cannot write; trying again", {{"error", failure}});
    }
}

pipeline::ComponentHealth WriteLoop::health() const {
    const std::lock_guard lock(mutex_);
    return {failure_.empty(), failure_};
}

}  // namespace seyir::plugins
