// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/retry_policy.hpp"

#include <algorithm>

#include "common/base/backoff.hpp"

namespace seyir::buffer {
namespace {

constexpr Nanos kAskedMax = std::chrono::hours(1);

}  // namespace

bool RetryPolicy::gives_up(uint32_t attempts, Nanos since_first) const {
    const bool too_often = options_.attempts_max != 0 && attempts >= options_.attempts_max;
    const bool too_long =
        options_.give_up_after > Nanos(0) && since_first >= options_.give_up_after;
    return too_often || too_long;
}

Nanos RetryPolicy::wait(uint32_t failures, Nanos asked) {
    const Nanos chosen = backoff_wait(options_.initial, options_.max, failures, random_);
    return std::max(chosen, std::min(asked, kAskedMax));
}

}  // namespace seyir::buffer
