// SPDX-License-Identifier: Apache-2.0
// IntakeBrake: how many bytes a second clients may send altogether while the store's disk is below
// its soft mark. Inputs ask before they take something and say afterwards how much it was, so one
// request of any size is taken, and the next one waits for it.
// Threads: thread-safe.   Limits: what was taken is paid for within kWaitMax.
// Ownership: borrows the clock.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "common/base/time.hpp"
#include "common/base/units.hpp"
#include "common/io/clock.hpp"

namespace seyir::collector {

class IntakeBrake {
  public:
    static constexpr uint64_t kFastest = 16 * kMiB;  ///< bytes a second just below the soft mark
    static constexpr uint64_t kSlowest = kMiB;       ///< just above the hard mark
    static constexpr Nanos kWaitMax = std::chrono::seconds(10);

    explicit IntakeBrake(io::Clock& clock = io::system_clock()) : clock_(clock) {}

    /// Between both rates, as the free space is between both marks.
    static uint64_t rate_for(uint64_t free_bytes, uint64_t soft_bytes, uint64_t hard_bytes);

    /// 0 lets everything pass.
    void set_rate(uint64_t bytes_per_second);

    bool is_on() const { return is_on_.load(); }

    /// How long to wait before something is taken; 0 = not at all.
    Nanos wait() const;
    /// Something was taken.
    void charge(uint64_t bytes);

  private:
    io::Clock& clock_;
    std::atomic<bool> is_on_ = false;
    mutable std::mutex mutex_;
    double rate_ = 0;     ///< bytes a second
    SteadyTime free_at_;  ///< when all that was taken is paid for
};

}  // namespace seyir::collector
