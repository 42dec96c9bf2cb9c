// SPDX-License-Identifier: Apache-2.0
// RetryPolicy: how long to wait before trying again, and when to give up.
// Threads: one at a time.
#pragma once

#include <optional>
#include <random>

#include "common/buffer/options.hpp"

namespace seyir::buffer {

class RetryPolicy {
  public:
    RetryPolicy(RetryOptions options, uint64_t seed) : options_(options), random_(seed) {}

    /// After so many attempts, the first of them `since_first` ago.
    bool gives_up(uint32_t attempts, Nanos since_first) const;

    /// Before the next attempt, after `failures` in a row. `asked` (Retry-After) lengthens it, up
    /// to an hour.
    Nanos wait(uint32_t failures, Nanos asked);

  private:
    const RetryOptions options_;
    std::mt19937_64 random_;
};

}  // namespace seyir::buffer
