// SPDX-License-Identifier: Apache-2.0
#include "common/async/thread_pool.hpp"

#include <exception>

#include <pthread.h>

#include "common/base/log.hpp"

namespace seyir::async {

ThreadPool::ThreadPool(std::string name, size_t threads, size_t queue_max)
    : name_(std::move(name)), queue_max_(queue_max) {
    for (size_t i = 0; i < std::max<size_t>(threads, 1); ++i) {
        threads_.emplace_back([this] { run(); });
    }
}

ThreadPool::~ThreadPool() {
    stop();
}

Result<void> ThreadPool::post(Job job) {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
        return fail(ErrorCode::kClosed, name_ + " pool: shutting down");
    }
    if (jobs_.size() >= queue_max_) {
        return fail(
            ErrorCode::kBackpressure,
            name_ + " pool: " + std::to_string(queue_max_) + " jobs are waiting already"
        );
    }
    jobs_.push_back(std::move(job));
    wake_.notify_one();
    return {};
}

void ThreadPool::stop() {
    std::deque<Job> unrun;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        unrun.swap(jobs_);
        wake_.notify_all();
    }
    unrun.clear();  // outside the lock: jobs answer their waiters as they go
    for (auto& thread : threads_) {
        if (thread.joinable()) {
            thread.join();
        }
    }
}

size_t ThreadPool::waiting() const {
    const std::lock_guard lock(mutex_);
    return jobs_.size();
}

void ThreadPool::run() {
    pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
    while (true) {
        Job job;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopped_ || !jobs_.empty(); });
            if (stopped_) {
                return;
            }
            job = std::move(jobs_.front());
            jobs_.pop_front();
        }
        try {
            job();
        } catch (const std::exception& e) {
            log::error("async", "a job threw", {{"pool", name_}, {"what", e.what()}});
        }
    }
}

}  // namespace seyir::async
