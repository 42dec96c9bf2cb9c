// SPDX-License-Identifier: Apache-2.0
// ThreadPool: named threads for work that blocks or computes (fsync, queries, compression). Pools
// are the lanes: work of one never waits behind work of another.
// Threads: thread-safe.   Errors: kBackpressure when `queue_max` jobs wait, kClosed after stop().
// Ownership: the destructor stops: jobs that run are finished, jobs that wait are destroyed unrun.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/base/result.hpp"

namespace seyir::async {

using Job = std::move_only_function<void()>;

class ThreadPool {
  public:
    ThreadPool(std::string name, size_t threads, size_t queue_max = 1024);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    /// A job must not throw: an exception is logged with the pool's name and swallowed.
    Result<void> post(Job job);
    void stop();

    const std::string& name() const { return name_; }

    size_t waiting() const;

  private:
    void run();

    const std::string name_;
    const size_t queue_max_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Job> jobs_;
    bool stopped_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace seyir::async
