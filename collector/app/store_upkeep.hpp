// SPDX-License-Identifier: Apache-2.0
// StoreUpkeep: what the store needs from time to time: sealing at the end of a day, backups, and
// the clean-up of days past retention; their outcome goes to the inputs `internal_logs`. Threads:
// tick() on the main thread; clean-up and backups have their own.   Ownership: borrows store and
// events.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "collector/app/collector_config.hpp"
#include "collector/app/store_backups.hpp"
#include "collector/retention/clean_up_service.hpp"
#include "collector/services/intake_brake.hpp"
#include "collector/services/internal_events.hpp"
#include "common/net/http.hpp"

namespace seyir::collector {

class StoreUpkeep {
  public:
    /// Errors: a schedule or a time zone that cannot be read any more.
    static Result<std::unique_ptr<StoreUpkeep>> make(
        const CollectorConfig& config,
        store::RocksStore& store,
        InternalEvents& events,
        std::shared_ptr<IntakeBrake> brake,
        metrics::Registry& registry
    );

    /// What is served under /api/v1/retention and /api/v1/backup; before start().
    std::vector<net::HttpRoute> routes();

    void start();

    /// About every second; looks at the disk, and does the rest once a minute.
    void tick();
    /// Ends a clean-up and a backup that are under way.
    void stop();

  private:
    StoreUpkeep(
        retention::CleanUpOptions options,
        store::RocksStore& store,
        InternalEvents& events,
        std::shared_ptr<IntakeBrake> brake,
        schedule::RunSchedule schedule
    );
    /// Says what changed, slows clients down below the soft mark, asks for a clean-up below the
    /// hard.
    void look_at_disk();

    store::RocksStore& store_;
    InternalEvents& events_;
    std::shared_ptr<IntakeBrake> brake_;
    store::DiskState disk_ = store::DiskState::kOk;
    std::atomic<bool> is_stopping_ = false;
    retention::CleanUp clean_up_;
    retention::CleanUpService service_;
    std::unique_ptr<StoreBackups> backups_;  ///< null: none are configured
    SteadyTime next_{};
};

}  // namespace seyir::collector
