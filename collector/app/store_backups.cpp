// SPDX-License-Identifier: Apache-2.0
#include "collector/app/store_backups.hpp"

#include <utility>

#include <fmt/format.h>

#include "collector/schedule/schedule_schema.hpp"
#include "common/base/log.hpp"

namespace seyir::collector {
namespace {

backup::BackupOptions backup_options(const CollectorConfig& config) {
    return {
        .data_dir = config.home,
        .folder = config.backup.path,
        // Without its tokens every agent would have to join again.
        .extras = {"agent_tokens.json", "audit"},
        .keep = config.backup.keep,
    };
}

metrics::Counter& runs(metrics::Registry& registry, const char* outcome) {
    return registry.counter(
        "seyir_backup_runs_total", "Backups made and attempts that failed.", {{"outcome", outcome}}
    );
}

double seconds_of(int64_t nanos) {
    return static_cast<double>(nanos) / 1e9;
}

}  // namespace

Result<std::unique_ptr<StoreBackups>> StoreBackups::make(
    const CollectorConfig& config,
    store::RocksStore& store,
    InternalEvents& events,
    metrics::Registry& registry
) {
    SEYIR_TRY(
        auto schedule, schedule::make_schedule(config.backup.schedule, io::posix_file_system())
    );
    return std::unique_ptr<StoreBackups>(
        new StoreBackups(config, store, events, registry, std::move(schedule))
    );
}

StoreBackups::StoreBackups(
    const CollectorConfig& config,
    store::RocksStore& store,
    InternalEvents& events,
    metrics::Registry& registry,
    schedule::RunSchedule schedule
)
    : events_(events),
      done_(runs(registry, "done")),
      failed_(runs(registry, "failed")),
      copied_bytes_(
          registry.counter("seyir_backup_copied_bytes_total", "Bytes that backups had to copy.")
      ),
      last_done_(registry.gauge(
          "seyir_backup_last_done_seconds",
          "When the newest backup was begun, in seconds since 1970; 0 = there is none."
      )),
      last_seconds_(registry.gauge(
          "seyir_backup_duration_seconds", "How long the last backup that was made took."
      )),
      damaged_files_(registry.gauge(
          "seyir_backup_damaged_files",
          "Files of the store that the last backup found damaged while copying them."
      )),
      backup_(
          store,
          io::posix_file_system(),
          io::system_clock(),
          backup_options(config),
          [this] { return is_stopping_.load(); }
      ),
      service_(
          backup_,
          std::move(schedule),
          io::system_clock(),
          [this](const backup::BackupReport& report, bool is_last_attempt) {
              on_run(report, is_last_attempt);
          }
      ) {
    if (const auto last = backup_.last_done()) {
        last_done_.set(seconds_of(last->value));
    }
}

void StoreBackups::on_run(const backup::BackupReport& report, bool is_last_attempt) {
    if (report.ok()) {
        done_.add();
        copied_bytes_.add(report.copied_bytes);
        last_done_.set(seconds_of(report.at.value));
        last_seconds_.set(seconds_of(report.took.count()));
        damaged_files_.set(static_cast<double>(report.damaged.size()));
        log::info("backup", report.text());
    } else {
        failed_.add();
        log::error("backup", report.text());
    }
    InternalEvent event{.at = report.at, .kind = "backup", .text = "backup: " + report.text()};
    const bool is_bad = !report.ok() || !report.damaged.empty();
    event.severity = is_bad ? kSeverityError : kSeverityInfo;
    event.attributes = {
        {"backup.trigger", report.request.trigger},
        {"backup.ok", report.ok() ? "true" : "false"},
        {"backup.id", report.id},
        {"backup.copied_bytes", fmt::format("{}", report.copied_bytes)},
        {"backup.will_retry", !report.ok() && !is_last_attempt ? "true" : "false"},
    };
    if (!report.ok()) {
        event.attributes.emplace_back("backup.error", report.error);
    }
    events_.publish(event);
}

void StoreBackups::stop() {
    is_stopping_ = true;
    service_.stop();
}

}  // namespace seyir::collector
