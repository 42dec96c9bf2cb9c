// SPDX-License-Identifier: Apache-2.0
#include "collector/app/store_upkeep.hpp"

#include <utility>

#include <fmt/format.h>

#include "collector/backup/backup_routes.hpp"
#include "collector/retention/class_policy.hpp"
#include "collector/retention/retention_routes.hpp"
#include "collector/schedule/schedule_schema.hpp"
#include "common/base/log.hpp"
#include "common/base/units.hpp"

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
    std::shared_ptr<IntakeBrake> brake,
    metrics::Registry& registry
) {
    SEYIR_TRY(
        auto schedule, schedule::make_schedule(config.clean_up.schedule, io::posix_file_system())
    );
    SEYIR_TRY(auto policy, retention::make_policy(config.store.retention, config.clean_up.classes));
    std::unique_ptr<StoreUpkeep> upkeep(new StoreUpkeep(
        clean_up_options(config, std::move(policy)),
        store,
        events,
        std::move(brake),
        std::move(schedule)
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
    std::shared_ptr<IntakeBrake> brake,
    schedule::RunSchedule schedule
)
    : store_(store),
      events_(events),
      brake_(std::move(brake)),
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

void StoreUpkeep::look_at_disk() {
    const store::DiskRoom room = store_.disk_room();
    const bool is_short = room.state == store::DiskState::kSoftMark;
    const uint64_t rate =
        is_short ? IntakeBrake::rate_for(room.free_bytes, room.soft_bytes, room.hard_bytes) : 0;
    brake_->set_rate(rate);
    if (room.state == disk_) {
        return;
    }
    disk_ = room.state;
    InternalEvent event{.at = io::system_clock().wall_now(), .kind = "disk"};
    log::Level level = log::Level::kInfo;
    switch (room.state) {
        case store::DiskState::kOk:
            event.text = "the disk has room again: clients are not slowed down any more";
            break;
        case store::DiskState::kSoftMark:
            level = log::Level::kWarn;
            event.severity = kSeverityWarn;
            event.text = fmt::format(
                "the disk is below its soft mark: clients are slowed down to {} a second; free "
                "space or lower `retention`",
                format_bytes(rate)
            );
            break;
        case store::DiskState::kHardMark:
            level = log::Level::kError;
            event.severity = kSeverityError;
            event.text = "the disk is below its hard mark: nothing is stored, a clean-up begins";
            service_.ask({.trigger = "disk"});
            break;
    }
    event.attributes = {
        {"disk.free_bytes", fmt::format("{}", room.free_bytes)},
        {"disk.soft_mark_bytes", fmt::format("{}", room.soft_bytes)},
        {"disk.hard_mark_bytes", fmt::format("{}", room.hard_bytes)},
    };
    log::write(
        level,
        "store",
        event.text,
        {{"free", format_bytes(room.free_bytes)},
         {"soft_mark", format_bytes(room.soft_bytes)},
         {"hard_mark", format_bytes(room.hard_bytes)}}
    );
    events_.publish(event);
}

void StoreUpkeep::tick() {
    look_at_disk();
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
