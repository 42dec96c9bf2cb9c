// SPDX-License-Identifier: Apache-2.0
// Retention: which segments are to go, and dropping them. Never more than two days of a retention
// in a run, and none after the clock was stepped, unless an operator confirms: a wrong clock must
// not empty a store.
// Threads: thread-safe (one call at a time).
// Cost: one small synced write; the files go afterwards, on the sealer's thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "collector/store/engine/committer.hpp"
#include "collector/store/engine/core.hpp"
#include "collector/store/engine/due_parts.hpp"
#include "collector/store/engine/sealer.hpp"

namespace seyir::store {

class Retention {
  public:
    static constexpr size_t kDaysPerRunMax = 2;
    static constexpr Nanos kClockStepMax = std::chrono::hours(1);

    Retention(Core& core, Committer& committer, Sealer& sealer)
        : core_(core), committer_(committer), sealer_(sealer) {}

    // As in RocksStore.
    Result<DropReport> due(const DropRule& rule, bool confirm);
    Result<void> drop(const std::vector<PartReport>& parts, UnixNanos floor, bool confirm);
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
    Result<void> save_clock_stepped(bool is_stepped);
    Result<void> check(const std::vector<PartReport>& parts, bool confirm) const;
    Result<void> drop_checked(const std::vector<PartReport>& parts, UnixNanos floor);
    Result<void> commit(const DroppedSegments& dropped, UnixNanos floor, CatalogueViewPtr& old);

    Core& core_;
    Committer& committer_;
    Sealer& sealer_;
    mutable std::mutex mutex_;
    std::optional<Moment> last_look_;
    StagedCounts staged_counts_;
    bool is_step_saved_ = false;
};

}  // namespace seyir::store
