// SPDX-License-Identifier: Apache-2.0
// How long to wait before trying again: doubled with each failure, up to a limit, half of it by
// chance, so that those that failed together do not come back together.
// Threads: pure; `random` belongs to the caller.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "common/base/time.hpp"

namespace seyir {

/// Half to whole of `initial` after the first of `failures` in a row, of twice that after the
/// second, and so on up to `max`.
inline Nanos backoff_wait(Nanos initial, Nanos max, uint32_t failures, std::mt19937_64& random) {
    Nanos wait = initial;
    for (uint32_t i = 1; i < failures && wait < max; ++i) {
        wait *= 2;
    }
    wait = std::min(wait, max);
    return Nanos(std::uniform_int_distribution<int64_t>(wait.count() / 2, wait.count())(random));
}

}  // namespace seyir
