// SPDX-License-Identifier: Apache-2.0
// Clock: the only way to the time outside this folder, so that tests own it.
// Threads: implementations are thread-safe.
#pragma once

#include <atomic>

#include "common/base/time.hpp"

namespace seyir::io {

class Clock {
  public:
    virtual ~Clock() = default;
    /// Time of day; may step in either direction.
    virtual UnixNanos wall_now() const = 0;
    /// Never goes back; for intervals and deadlines.
    virtual SteadyTime steady_now() const = 0;
};

/// The machine's clock. Lives for the whole process.
Clock& system_clock();

/// A clock that stands still until told otherwise.
class ManualClock final : public Clock {
  public:
    explicit ManualClock(UnixNanos wall = {1'767'225'600'000'000'000}) : wall_ns_(wall.value) {}

    UnixNanos wall_now() const override { return {wall_ns_.load()}; }

    SteadyTime steady_now() const override { return SteadyTime(Nanos(steady_ns_.load())); }

    /// Moves both clocks forward.
    void advance(Nanos by) {
        wall_ns_ += by.count();
        steady_ns_ += by.count();
    }

    /// Steps the time of day alone, as an operator or NTP does.
    void set_wall(UnixNanos wall) { wall_ns_ = wall.value; }

  private:
    std::atomic<int64_t> wall_ns_;
    std::atomic<int64_t> steady_ns_{1'000'000'000};
};

}  // namespace seyir::io
