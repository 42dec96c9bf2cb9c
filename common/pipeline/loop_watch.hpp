// SPDX-License-Identifier: Apache-2.0
// LoopWatch: since when a thread's loop has been at work without coming back to its wait: how a
// hung loop is told from an idle one, without waking it. Threads: one loop sets it, any may read.
#pragma once

#include <atomic>
#include <optional>

#include "common/base/time.hpp"

namespace seyir::pipeline {

class LoopWatch {
  public:
    /// A turn begins, or a long one has got on.
    void busy(SteadyTime now) { since_.store(now.time_since_epoch().count()); }

    /// The loop waits.
    void idle() { since_.store(kIdle); }

    /// How long the turn under way has taken; nothing while the loop waits.
    std::optional<Nanos> busy_for(SteadyTime now) const {
        const int64_t since = since_.load();
        return since == kIdle ? std::nullopt
                              : std::optional(Nanos(now.time_since_epoch().count() - since));
    }

  private:
    static constexpr int64_t kIdle = -1;
    std::atomic<int64_t> since_{kIdle};
};

}  // namespace seyir::pipeline
