// SPDX-License-Identifier: Apache-2.0
// Worker: the thread that runs filters for the batches handed to it, in order, and flushes filters
// that ask for time.
// Threads: post() and drain() from any thread but the worker's own.
// Limits: the queue holds what the inputs' byte budgets let through.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "common/base/time.hpp"
#include "common/pipeline/loop_watch.hpp"

namespace seyir::pipeline {

class Worker {
  public:
    using Job = std::move_only_function<void()>;

    /// `on_timer` is called about every 100 ms on the worker's thread.
    Worker(size_t number, std::function<void()> on_timer);
    /// Runs what is queued, then ends.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void post(Job job);
    /// Returns once everything posted before has run.
    void drain();

    size_t queued() const;

    const LoopWatch& watch() const { return watch_; }

  private:
    void loop();

    std::function<void()> on_timer_;
    LoopWatch watch_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> jobs_;
    bool is_stopping_ = false;
    std::thread thread_;
};

}  // namespace seyir::pipeline
