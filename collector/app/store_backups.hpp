// SPDX-License-Identifier: Apache-2.0
// StoreBackups: the backups of the running collector: what is in them, their schedule, metrics and
// events.
// Threads: as BackupService.   Ownership: borrows store, events and registry.
#pragma once

#include <atomic>
#include <memory>

#include "collector/app/collector_config.hpp"
#include "collector/backup/backup_service.hpp"
#include "collector/services/internal_events.hpp"
#include "common/metrics/registry.hpp"

namespace seyir::collector {

class StoreBackups {
  public:
    /// Errors: a schedule or a time zone that cannot be read any more.
    static Result<std::unique_ptr<StoreBackups>> make(
        const CollectorConfig& config,
        store::RocksStore& store,
        InternalEvents& events,
        metrics::Registry& registry
    );

    backup::BackupService& service() { return service_; }

    void stop();

  private:
    StoreBackups(
        const CollectorConfig& config,
        store::RocksStore& store,
        InternalEvents& events,
        metrics::Registry& registry,
        schedule::RunSchedule schedule
    );
    void on_run(const backup::BackupReport& report, bool is_last_attempt);

    InternalEvents& events_;
    metrics::Counter& done_;
    metrics::Counter& failed_;
    metrics::Counter& copied_bytes_;
    metrics::Gauge& last_done_;
    metrics::Gauge& last_seconds_;
    metrics::Gauge& damaged_files_;
    std::atomic<bool> is_stopping_ = false;
    backup::Backup backup_;
    backup::BackupService service_;
};

}  // namespace seyir::collector
