// SPDX-License-Identifier: Apache-2.0
// Retention: drops whole days. Never more than two in a run, and none after the clock was stepped,
// unless an operator confirms: a wrong clock must not empty a store.
// Threads: thread-safe (one run at a time).
// Cost: one small synced write; the files go afterwards, on the sealer's thread.
#pragma once

#include <mutex>
#include <optional>

#include "collector/store/engine/committer.hpp"
#include "collector/store/engine/core.hpp"
#include "collector/store/engine/sealer.hpp"

namespace seyir::store {

class Retention {
  public:
    static constexpr size_t kDaysPerRunMax = 2;
    static constexpr Nanos kClockStepMax = std::chrono::hours(1);

    Retention(Core& core, Committer& committer, Sealer& sealer)
        : core_(core), committer_(committer), sealer_(sealer) {}

    Result<DropReport> drop_before(Day day, DropOptions options);
    /// To be called every minute or so: compares how far both clocks went since the last call.
    void watch_clock();
    /// The clock was stepped and no operator has confirmed since: nothing is dropped unasked.
    bool is_unsure() const;

  private:
    struct Moment {
        UnixNanos wall;
        SteadyTime steady;
    };

    void look_at_clock();
    Result<DropReport> drop(Day before, DropOptions options);
    Result<void> commit(
        const std::vector<DayReport>& dropped, UnixNanos floor, CatalogueViewPtr& old
    );

    Core& core_;
    Committer& committer_;
    Sealer& sealer_;
    mutable std::mutex mutex_;
    std::optional<Moment> last_look_;
    bool is_clock_stepped_ = false;
};

}  // namespace seyir::store
