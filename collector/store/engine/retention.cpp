// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/retention.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/log.hpp"

namespace seyir::store {

void Retention::watch_clock() {
    const Moment now{core_.clock.wall_now(), core_.clock.steady_now()};
    if (last_look_) {
        const Nanos step = (now.wall - last_look_->wall) - (now.steady - last_look_->steady);
        if (std::chrono::abs(step) > kClockStepMax) {
            is_clock_stepped_ = true;
            log::warn(
                "store", "the clock was stepped: no day is dropped until an operator confirms", {}
            );
        }
    }
    last_look_ = now;
}

Result<DropReport> Retention::run() {
    const std::lock_guard lock(mutex_);
    watch_clock();
    const Nanos retention = core_.options.retention;
    const SteadyTime now = core_.clock.steady_now();
    if (retention.count() == 0 || (last_run_ && now - *last_run_ < kRunEvery)) {
        return DropReport{};
    }
    last_run_ = now;
    return drop(day_of(core_.clock.wall_now() - retention), {});
}

Result<DropReport> Retention::drop_before(Day day, DropOptions options) {
    const std::lock_guard lock(mutex_);
    watch_clock();
    return drop(day, options);
}

Result<DropReport> Retention::drop(Day before, DropOptions options) {
    DropReport report;
    std::vector<Day> due;
    const CatalogueViewPtr catalogue = core_.catalogue.view();
    for (const auto& [day, state] : *catalogue) {
        if (day < before) {
            due.push_back(day);
        }
    }
    if (options.confirm) {
        is_clock_stepped_ = false;
    }
    size_t allowed = due.size();
    if (is_clock_stepped_) {
        allowed = 0;
        report.reason = "the clock was stepped by more than an hour";
    } else if (!options.confirm && due.size() > kDaysPerRunMax) {
        allowed = kDaysPerRunMax;
        report.reason = fmt::format(
            "{} days are due, a run without --confirm drops at most {}", due.size(), kDaysPerRunMax
        );
    }
    for (size_t i = allowed; i < due.size(); ++i) {
        report.held_back.push_back(due[i].folder());
    }
    core_.days_held_back = report.held_back.size();
    // Rows still staged go with their day: everything before the first day that stays.
    UnixNanos floor = core_.floor;
    if (!is_clock_stepped_) {
        floor = std::max(floor, allowed < due.size() ? due[allowed].begin() : before.begin());
    }
    due.resize(allowed);
    if (due.empty() && floor == core_.floor) {
        return report;
    }
    CatalogueViewPtr old;
    SEYIR_CHECK(committer_.run_exclusive([&] { return commit(due, floor, old); }));
    for (const Day day : due) {
        const DayTotals& totals = catalogue->at(day).totals;
        report.dropped.push_back(day.folder());
        report.rows += totals.rows;
        report.file_bytes += totals.file_bytes;
        core_.counters.expired_rows.add(totals.rows);
        log::info("store", "dropped a day", {{"day", day.folder()}});
    }
    core_.segments.forget_before(due.empty() ? Day{INT32_MIN} : Day{due.back().number + 1});
    sealer_.release(std::move(old));
    return report;
}

/// On the committer.
Result<void> Retention::commit(
    const std::vector<Day>& days, UnixNanos floor, CatalogueViewPtr& old
) {
    SEYIR_TRY(const auto database, committer_.writable_database());
    WriteSet set = database->new_write();
    for (const Day day : days) {
        const std::string segments = key::segment_prefix(day);
        const std::string blocks = key::block_day_prefix(day);
        set.erase(Family::kCatalogue, key::day_totals(day));
        set.erase_range(Family::kCatalogue, segments, key::prefix_end(segments));
        set.erase_range(Family::kCatalogue, blocks, key::prefix_end(blocks));
    }
    set.put(Family::kMeta, key::kRetentionFloor, encode_u64(static_cast<uint64_t>(floor.value)));
    const std::lock_guard lock(core_.view_mutex);
    SEYIR_CHECK(database->write(std::move(set)));
    core_.floor = floor;
    old = core_.catalogue.drop(days);
    return {};
}

}  // namespace seyir::store
