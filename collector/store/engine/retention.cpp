// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/retention.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/log.hpp"

namespace seyir::store {

void Retention::look_at_clock() {
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

void Retention::watch_clock() {
    const std::lock_guard lock(mutex_);
    look_at_clock();
}

bool Retention::is_unsure() const {
    const std::lock_guard lock(mutex_);
    return is_clock_stepped_;
}

Result<DropReport> Retention::drop_before(Day day, DropOptions options) {
    const std::lock_guard lock(mutex_);
    look_at_clock();
    return drop(day, options);
}

Result<DropReport> Retention::drop(Day before, DropOptions options) {
    DropReport report;
    const CatalogueViewPtr catalogue = core_.catalogue.view();
    for (const auto& [day, state] : *catalogue) {
        if (day < before) {
            const DayTotals& totals = state.totals;
            report.dropped.push_back({day, totals.rows, totals.raw_bytes, totals.file_bytes});
        }
    }
    if (options.confirm && !options.dry_run) {
        is_clock_stepped_ = false;
    }
    size_t allowed = report.dropped.size();
    const bool is_unsure = is_clock_stepped_ && !options.confirm;
    if (is_unsure) {
        allowed = 0;
        report.reason = "the clock was stepped by more than an hour";
    } else if (!options.confirm && allowed > kDaysPerRunMax) {
        report.reason = fmt::format(
            "{} days are due, a run without --confirm drops at most {}", allowed, kDaysPerRunMax
        );
        allowed = kDaysPerRunMax;
    }
    // Rows still staged go with their day: everything before the first day that stays.
    UnixNanos floor = core_.floor;
    if (!is_unsure) {
        const Day first_kept =
            allowed < report.dropped.size() ? report.dropped[allowed].day : before;
        floor = std::max(floor, first_kept.begin());
    }
    const auto held = report.dropped.begin() + static_cast<ptrdiff_t>(allowed);
    report.held_back.assign(held, report.dropped.end());
    report.dropped.erase(held, report.dropped.end());
    if (options.dry_run) {
        return report;
    }
    core_.days_held_back = report.held_back.size();
    if (report.dropped.empty() && floor == core_.floor) {
        return report;
    }
    CatalogueViewPtr old;
    SEYIR_CHECK(committer_.run_exclusive([&] { return commit(report.dropped, floor, old); }));
    for (const DayReport& dropped : report.dropped) {
        core_.counters.expired_rows.add(dropped.rows);
        log::info("store", "dropped a day", {{"day", dropped.day.folder()}});
    }
    core_.segments.forget_before(
        report.dropped.empty() ? Day{INT32_MIN} : Day{report.dropped.back().day.number + 1}
    );
    sealer_.release(std::move(old));
    return report;
}

/// On the committer.
Result<void> Retention::commit(
    const std::vector<DayReport>& dropped, UnixNanos floor, CatalogueViewPtr& old
) {
    std::vector<Day> days;
    SEYIR_TRY(const auto database, committer_.writable_database());
    WriteSet set = database->new_write();
    for (const DayReport& report : dropped) {
        const Day day = days.emplace_back(report.day);
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
