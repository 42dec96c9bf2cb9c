// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/urgent_thread.hpp"

#include <utility>

#include <pthread.h>

namespace seyir::store {

UrgentThread::~UrgentThread() {
    stop();
}

void UrgentThread::start() {
    thread_ = std::thread([this] { loop(); });
}

void UrgentThread::stop() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

Result<void> UrgentThread::run(const Piece& piece) {
    std::unique_lock lock(mutex_);
    piece_ = &piece;
    outcome_.reset();
    changed_.notify_all();
    changed_.wait(lock, [this] { return outcome_.has_value(); });
    return *std::exchange(outcome_, std::nullopt);
}

void UrgentThread::loop() {
    pthread_setname_np(pthread_self(), "store-urgent");
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return is_stopping_ || piece_ != nullptr; });
        if (piece_ == nullptr) {
            return;
        }
        const Piece* const piece = std::exchange(piece_, nullptr);
        lock.unlock();
        auto outcome = (*piece)();
        lock.lock();
        outcome_ = std::move(outcome);
        changed_.notify_all();
    }
}

}  // namespace seyir::store
