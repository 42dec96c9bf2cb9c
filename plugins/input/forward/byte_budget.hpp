// SPDX-License-Identifier: Apache-2.0
// ByteBudget: the memory all connections of one input may hold together: messages being received,
// batches without an answer. What does not fit waits; one taker always fits.
// Threads: thread-safe.   Ownership: shared by connections and by tokens that outlive them.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "common/async/event.hpp"
#include "common/metrics/registry.hpp"

namespace seyir::plugins::forward {

class ByteBudget {
  public:
    ByteBudget(uint64_t bytes_max, metrics::Gauge& gauge) : bytes_max_(bytes_max), gauge_(gauge) {}

    /// False when it does not fit now; then `waiter` is set at the next chance.
    bool take(uint64_t bytes, const std::shared_ptr<async::Event>& waiter);
    /// For what is already there, whether it fits or not.
    void take_anyway(uint64_t bytes);
    void give_back(uint64_t bytes);

    uint64_t held_bytes() const;
    /// Somebody waits for room.
    bool is_short() const;

    uint64_t bytes_max() const { return bytes_max_; }

  private:
    const uint64_t bytes_max_;
    metrics::Gauge& gauge_;
    mutable std::mutex mutex_;
    uint64_t held_ = 0;
    std::vector<std::weak_ptr<async::Event>> waiters_;
};

/// A share that is given back when it goes.
class BudgetShare {
  public:
    BudgetShare() = default;

    BudgetShare(std::shared_ptr<ByteBudget> budget, uint64_t bytes)
        : budget_(std::move(budget)), bytes_(bytes) {}

    BudgetShare(BudgetShare&& other) noexcept
        : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}

    BudgetShare& operator=(BudgetShare&& other) noexcept {
        reset();
        budget_ = std::move(other.budget_);
        bytes_ = std::exchange(other.bytes_, 0);
        return *this;
    }

    BudgetShare(const BudgetShare&) = delete;
    BudgetShare& operator=(const BudgetShare&) = delete;

    ~BudgetShare() { reset(); }

    void reset() {
        if (bytes_ > 0) {
            budget_->give_back(std::exchange(bytes_, 0));
        }
    }

    uint64_t bytes() const { return bytes_; }

    /// Of the same budget.
    void add(BudgetShare other) {
        if (!budget_) {
            budget_ = other.budget_;
        }
        bytes_ += std::exchange(other.bytes_, 0);
    }

  private:
    std::shared_ptr<ByteBudget> budget_;
    uint64_t bytes_ = 0;
};

}  // namespace seyir::plugins::forward
