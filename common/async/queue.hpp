// SPDX-License-Identifier: Apache-2.0
// Queue<T>: hands items from thread to thread with a budget in bytes: a full queue makes the
// producer wait (push) or say no (try_push). One item larger than the whole budget passes alone.
// Threads: thread-safe, any number of producers and consumers.
// Errors: kClosed after close() (pop first drains what is left), kTimeout, kBackpressure.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "common/base/result.hpp"
#include "common/base/time.hpp"

namespace seyir::async {

template <class T>
class Queue {
  public:
    explicit Queue(size_t bytes_max) : bytes_max_(bytes_max) {}

    /// Waits for room until the deadline.
    Result<void> push(T item, size_t bytes, SteadyTime deadline = SteadyTime::max()) {
        std::unique_lock lock(mutex_);
        const auto may_go = [&] { return closed_ || fits(bytes); };
        if (!wait(room_, lock, deadline, may_go)) {
            return fail(ErrorCode::kTimeout, "the queue stayed full");
        }
        return put(std::move(item), bytes);
    }

    Result<void> try_push(T item, size_t bytes) {
        const std::lock_guard lock(mutex_);
        if (!closed_ && !fits(bytes)) {
            return fail(ErrorCode::kBackpressure, "the queue is full");
        }
        return put(std::move(item), bytes);
    }

    /// Waits for an item until the deadline.
    Result<T> pop(SteadyTime deadline = SteadyTime::max()) {
        std::unique_lock lock(mutex_);
        if (!wait(items_, lock, deadline, [&] { return closed_ || !entries_.empty(); })) {
            return fail(ErrorCode::kTimeout, "the queue stayed empty");
        }
        if (entries_.empty()) {
            return fail(ErrorCode::kClosed, "the queue is closed");
        }
        auto entry = std::move(entries_.front());
        entries_.pop_front();
        bytes_ -= entry.bytes;
        room_.notify_all();
        return std::move(entry.item);
    }

    void close() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        room_.notify_all();
        items_.notify_all();
    }

    size_t bytes() const {
        const std::lock_guard lock(mutex_);
        return bytes_;
    }

    size_t size() const {
        const std::lock_guard lock(mutex_);
        return entries_.size();
    }

  private:
    struct Entry {
        T item;
        size_t bytes;
    };

    bool fits(size_t bytes) const { return entries_.empty() || bytes_ + bytes <= bytes_max_; }

    Result<void> put(T item, size_t bytes) {
        if (closed_) {
            return fail(ErrorCode::kClosed, "the queue is closed");
        }
        entries_.push_back({std::move(item), bytes});
        bytes_ += bytes;
        items_.notify_one();
        return {};
    }

    // wait_until(max) overflows in some C libraries; "no deadline" waits without one.
    template <class Ready>
    static bool wait(
        std::condition_variable& condition,
        std::unique_lock<std::mutex>& lock,
        SteadyTime deadline,
        Ready ready
    ) {
        if (deadline == SteadyTime::max()) {
            condition.wait(lock, ready);
            return true;
        }
        return condition.wait_until(lock, deadline, ready);
    }

    const size_t bytes_max_;
    mutable std::mutex mutex_;
    std::condition_variable room_;
    std::condition_variable items_;
    std::deque<Entry> entries_;
    size_t bytes_ = 0;
    bool closed_ = false;
};

}  // namespace seyir::async
