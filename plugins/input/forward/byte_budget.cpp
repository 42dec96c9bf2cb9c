// SPDX-License-Identifier: Apache-2.0
#include "plugins/input/forward/byte_budget.hpp"

namespace seyir::plugins::forward {

bool ByteBudget::take(uint64_t bytes, const std::shared_ptr<async::Event>& waiter) {
    const std::lock_guard lock(mutex_);
    if (held_ > 0 && held_ + bytes > bytes_max_) {
        waiters_.push_back(waiter);
        return false;
    }
    held_ += bytes;
    gauge_.set(static_cast<double>(held_));
    return true;
}

void ByteBudget::take_anyway(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    held_ += bytes;
    gauge_.set(static_cast<double>(held_));
}

void ByteBudget::give_back(uint64_t bytes) {
    std::vector<std::weak_ptr<async::Event>> waiters;
    {
        const std::lock_guard lock(mutex_);
        held_ -= bytes;
        gauge_.set(static_cast<double>(held_));
        waiters.swap(waiters_);
    }
    for (const auto& weak : waiters) {
        if (const auto waiter = weak.lock()) {
            waiter->set();
        }
    }
}

bool ByteBudget::is_short() const {
    const std::lock_guard lock(mutex_);
    return !waiters_.empty();
}

uint64_t ByteBudget::held_bytes() const {
    const std::lock_guard lock(mutex_);
    return held_;
}

}  // namespace seyir::plugins::forward
