// SPDX-License-Identifier: Apache-2.0
// Backoff: how long to wait before the next connection: doubled each time, with jitter.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <random>

#include "common/base/backoff.hpp"

namespace seyir::ship {

class Backoff {
  public:
    Backoff(Nanos initial, Nanos max, uint64_t seed)
        : initial_(initial), max_(max), random_(seed) {}

    /// Half to whole of the doubled time: agents that lost one collector together do not come back
    /// together.
    Nanos next() { return backoff_wait(initial_, max_, ++failures_, random_); }

    void reset() { failures_ = 0; }

  private:
    const Nanos initial_;
    const Nanos max_;
    std::mt19937_64 random_;
    uint32_t failures_ = 0;
};

}  // namespace seyir::ship
