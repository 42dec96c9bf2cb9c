// SPDX-License-Identifier: Apache-2.0
#include "common/pipeline/worker.hpp"

#include <chrono>
#include <future>
#include <string>
#include <utility>

#include <pthread.h>

namespace seyir::pipeline {
namespace {

constexpr std::chrono::milliseconds kTimerInterval{100};

}  // namespace

Worker::Worker(size_t number, std::function<void()> on_timer)
    : on_timer_(std::move(on_timer)), thread_([this, number] {
          pthread_setname_np(pthread_self(), ("filters-" + std::to_string(number)).c_str());
          loop();
      }) {}

Worker::~Worker() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void Worker::post(Job job) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
}

void Worker::drain() {
    std::promise<void> done;
    post([&done] { done.set_value(); });
    done.get_future().wait();
}

size_t Worker::queued() const {
    const std::lock_guard lock(mutex_);
    return jobs_.size();
}

void Worker::loop() {
    auto next_timer = std::chrono::steady_clock::now() + kTimerInterval;
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait_until(lock, next_timer, [&] { return !jobs_.empty() || is_stopping_; });
        if (jobs_.empty() && is_stopping_) {
            return;
        }
        if (!jobs_.empty()) {
            Job job = std::move(jobs_.front());
            jobs_.pop_front();
            lock.unlock();
            watch_.busy(std::chrono::steady_clock::now());
            job();
            job = {};
            watch_.idle();
            lock.lock();
        }
        if (std::chrono::steady_clock::now() >= next_timer) {
            lock.unlock();
            watch_.busy(std::chrono::steady_clock::now());
            on_timer_();
            watch_.idle();
            next_timer = std::chrono::steady_clock::now() + kTimerInterval;
            lock.lock();
        }
    }
}

}  // namespace seyir::pipeline
