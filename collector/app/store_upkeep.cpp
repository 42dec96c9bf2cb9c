// SPDX-License-Identifier: Apache-2.0
#include "collector/app/store_upkeep.hpp"

#include <utility>

#include <fmt/format.h>

#include "collector/backup/backup_routes.hpp"
#include "collector/retention/class_policy.hpp"
#include "collector/retention/retention_routes.hpp"
#include "collector/schedule/schedule_schema.hpp"
#include "common/base/log.hpp"

namespace seyir::collector {
namespace {

constexpr Nanos kInterval = std::chrono::minutes(1);

retention::CleanUpOptions clean_up_options(
    const CollectorConfig& config, store::RetentionPolicy policy
) {
    return {
        .retention = std::move(policy),
        .file_bytes_max = config.clean_up.file_bytes_max,
        .archive_directory = config.clean_up.archive_directory,
        .archive_keep = config.clean_up.archive_keep,
        .on_archive_failure = config.clean_up.on_archive_failure,
        .audit_path = config.home + "/audit/retention.jsonl"
    };
}

InternalEvent event_of(const retention::CleanUpReport& report, bool is_last_attempt) {
    const bool is_bad = !report.ok() || !report.without_archive.empty();
    InternalEvent event{.at = report.at, .kind = "clean_up", .text = "clean-up: " + report.text()};
    event.severity = is_bad                     ? kSeverityError
                     : report.held_back.empty() ? kSeverityInfo
                                                : kSeverityWarn;
    event.attributes = {
        {"clean_up.trigger", report.request.trigger},
        {"clean_up.ok", report.ok() ? "true" : "false"},
        {"clean_up.days", fmt::format("{}", report.dropped.size())},
        {"clean_up.records", fmt::format("{}", report.rows())},
        {"clean_up.raw_bytes", fmt::format("{}", report.raw_bytes())},
        {"clean_up.will_retry", !report.ok() && !is_last_attempt ? "true" : "false"},
    };
    if (!report.ok()) {
        event.attributes.emplace_back("clean_up.error", report.error);
    }
    return event;
}

}  // namespace

Result<std::unique_ptr<StoreUpkeep>> StoreUpkeep::make(
    const CollectorConfig& config,
    store::RocksStore& store,
    InternalEvents& events,
    metrics::Registry& registry
) {
    SEYIR_TRY(
        auto schedule, schedule::make_schedule(config.clean_up.schedule, io::posix_file_system())
    );
    SEYIR_TRY(auto policy, retention::make_policy(config.store.retention, config.clean_up.classes));
    std::unique_ptr<StoreUpkeep> upkeep(new StoreUpkeep(
        clean_up_options(config, std::move(policy)), store, events, std::move(schedule)
    ));
    if (!config.backup.path.empty()) {
        SEYIR_TRY(upkeep->backups_, StoreBackups::make(config, store, events, registry));
    }
    return upkeep;
}

StoreUpkeep::StoreUpkeep(
    retention::CleanUpOptions options,
    store::RocksStore& store,
    InternalEvents& events,
    schedule::RunSchedule schedule
)
    : store_(store),
      clean_up_(
          store,
          io::posix_file_system(),
          io::system_clock(),
          std::move(options),
          [this] { return is_stopping_.load(); }
      ),
      service_(
          clean_up_,
          std::move(schedule),
          io::system_clock(),
          [&events](const retention::CleanUpReport& report, bool is_last_attempt) {
              events.publish(event_of(report, is_last_attempt));
          }
      ) {}

std::vector<net::HttpRoute> StoreUpkeep::routes() {
    auto routes = retention::retention_routes(service_, clean_up_.options());
    for (auto& route : backup::backup_routes(backups_ ? &backups_->service() : nullptr)) {
        routes.push_back(std::move(route));
    }
    return routes;
}

void StoreUpkeep::start() {
    service_.start();
    if (backups_ != nullptr) {
        backups_->service().start();
    }
}

void StoreUpkeep::tick() {
    const SteadyTime now = io::system_clock().steady_now();
    if (now < next_) {
        return;
    }
    next_ = now + kInterval;
    if (const auto done = store_.maintain(); !done) {
        log::error("collector", "store maintenance failed", {{"error", done.error().message}});
    }
    const uint64_t most = clean_up_.options().file_bytes_max;
    if (most > 0 && store_.segment_file_bytes() > most) {
        service_.ask({.trigger = "size", .by_age = false});
    }
}

void StoreUpkeep::stop() {
    is_stopping_ = true;
    service_.stop();
    if (backups_ != nullptr) {
        backups_->stop();
    }
}

}  // namespace seyir::collector
