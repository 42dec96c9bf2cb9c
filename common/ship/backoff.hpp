// SPDX-License-Identifier: Apache-2.0
// Backoff: how long to wait before the next connection: doubled each time, with jitter.
// Threads: one at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "common/base/time.hpp"

namespace seyir::ship {

class Backoff {
  public:
    Backoff(Nanos initial, Nanos max, uint64_t seed)
        : initial_(initial), max_(max), random_(seed) {}

    /// Half to whole of the doubled time: agents that lost one collector together do not come back
    /// together.
    Nanos next() {
        current_ = current_.count() == 0 ? initial_ : std::min(current_ * 2, max_);
        const auto half = static_cast<uint64_t>(current_.count() / 2);
        return Nanos(static_cast<int64_t>(half + random_() % (half + 1)));
    }

    void reset() { current_ = Nanos(0); }

  private:
    const Nanos initial_;
    const Nanos max_;
    std::mt19937_64 random_;
    Nanos current_{0};
};

}  // namespace seyir::ship
