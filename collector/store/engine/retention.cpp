// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/retention.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "collector/store/format/dropped_keys.hpp"
#include "common/base/log.hpp"

namespace seyir::store {

void Retention::look_at_clock() {
    const Moment now{core_.clock.wall_now(), core_.clock.steady_now()};
    if (last_look_) {
        const Nanos step = (now.wall - last_look_->wall) - (now.steady - last_look_->steady);
        if (std::chrono::abs(step) > kClockStepMax) {
            core_.is_clock_stepped = true;
            is_step_saved_ = false;
            log::warn(
                "store",
                "the clock was stepped: no day is dropped for its age until an operator confirms",
                {{"seconds", fmt::format("{}", step.count() / 1'000'000'000)},
                 {"confirm", "seyir retention run --confirm"}}
            );
        }
    }
    last_look_ = now;
    if (core_.is_clock_stepped && !is_step_saved_) {
        // What fails is tried at the next look; until then it is known here.
        is_step_saved_ = save_clock_stepped(true).has_value();
    }
}

/// A restart must not forget it: the days would go in the next run.
Result<void> Retention::save_clock_stepped(bool is_stepped) {
    return committer_.run_exclusive([&]() -> Result<void> {
        SEYIR_TRY(const auto database, committer_.writable_database());
        WriteSet set = database->new_write();
        set.put(Family::kMeta, key::kClockStepped, encode_u64(is_stepped ? 1 : 0));
        return database->write(std::move(set));
    });
}

void Retention::watch_clock() {
    const std::lock_guard lock(mutex_);
    look_at_clock();
}

bool Retention::is_unsure() const {
    return core_.is_clock_stepped;
}

Result<DropReport> Retention::due(const DropRule& rule, bool confirm) {
    const std::lock_guard lock(mutex_);
    look_at_clock();
    SEYIR_TRY(const View view, core_.view());
    const bool is_unsure = core_.is_clock_stepped && !confirm;
    std::map<Nanos, size_t> days;
    size_t due_days = 0;
    // The oldest days of each retention may go without an operator's word.
    SEYIR_TRY(auto parts, due_parts(core_, view, rule, [&](const PartReport& part) {
                  ++due_days;
                  return is_unsure || (++days[part.retention] > kDaysPerRunMax && !confirm);
              }));
    DropReport report{
        .dropped = std::move(parts.dropped), .held_back = std::move(parts.held_back), .reason = {}
    };
    if (is_unsure && !report.held_back.empty()) {
        report.reason = "the clock was stepped by more than an hour";
    } else if (!report.held_back.empty()) {
        report.reason = fmt::format(
            "{} days are due, a run without --confirm drops at most {} of a retention",
            due_days,
            kDaysPerRunMax
        );
    }
    SEYIR_TRY(report.staged, staged_parts(core_, view, rule, staged_counts_));
    if (rule.retention.shortest().count() > 0) {
        core_.days_held_back = report.held_back.size();
    }
    return report;
}

Result<void> Retention::check(const std::vector<PartReport>& parts, bool confirm) const {
    std::map<Nanos, size_t> days;
    for (const PartReport& part : parts) {
        const bool is_for_age = part.retention.count() > 0;
        if (is_for_age && !confirm &&
            (core_.is_clock_stepped || ++days[part.retention] > kDaysPerRunMax)) {
            return fail(
                ErrorCode::kRefused,
                fmt::format(
                    "{} is not dropped: {}",
                    part.day.folder(),
                    core_.is_clock_stepped ? "the clock was stepped by more than an hour"
                                           : "too many days for a run without --confirm"
                )
            );
        }
    }
    return {};
}

Result<void> Retention::drop(const std::vector<PartReport>& parts, UnixNanos floor, bool confirm) {
    const std::lock_guard lock(mutex_);
    look_at_clock();
    SEYIR_CHECK(check(parts, confirm));
    if (core_.is_clock_stepped && confirm) {
        SEYIR_CHECK(save_clock_stepped(false));
        core_.is_clock_stepped = false;
    }
    return drop_checked(parts, core_.is_clock_stepped ? UnixNanos::min() : floor);
}

Result<void> Retention::drop_checked(const std::vector<PartReport>& parts, UnixNanos floor) {
    DroppedSegments dropped;
    for (const PartReport& part : parts) {
        auto& ids = dropped[part.day];
        ids.insert(ids.end(), part.segments.begin(), part.segments.end());
        std::ranges::sort(ids);
    }
    CatalogueViewPtr old;
    SEYIR_CHECK(committer_.run_exclusive([&] { return commit(dropped, floor, old); }));
    for (const PartReport& part : parts) {
        core_.counters.expired_rows.add(part.rows);
        core_.segments.forget(part.day, part.segments);
        log::info("store", "dropped", {{"part", part.name()}});
    }
    sealer_.release(std::move(old));
    return {};
}

namespace {

/// Erases the rows of a day's dropped segments; gives what is left of it.
Result<DayState> erase_segments(
    Core& core, const View& view, Day day, const std::vector<SegmentId>& ids, WriteSet& set
) {
    DayState rest;
    const auto at = view.catalogue->find(day);
    if (at == view.catalogue->end()) {
        return rest;
    }
    SEYIR_TRY(const auto list, core.catalogue.segments(*view.snapshot, day, at->second));
    auto left = std::make_shared<SegmentList>();
    for (const auto& segment : *list) {
        if (!std::ranges::binary_search(ids, segment->id)) {
            left->push_back(segment);
            add(rest.totals, *segment);
        }
    }
    if (left->empty()) {
        const std::string segments = key::segment_prefix(day);
        const std::string blocks = key::block_day_prefix(day);
        set.erase(Family::kCatalogue, key::day_totals(day));
        set.erase_range(Family::kCatalogue, segments, key::prefix_end(segments));
        set.erase_range(Family::kCatalogue, blocks, key::prefix_end(blocks));
        return rest;
    }
    for (const SegmentId id : ids) {
        const std::string blocks = key::block_prefix(day, id);
        set.erase(Family::kCatalogue, key::segment(day, id));
        set.erase_range(Family::kCatalogue, blocks, key::prefix_end(blocks));
    }
    set.put(Family::kCatalogue, key::day_totals(day), encode(rest.totals));
    rest.segments = std::move(left);
    return rest;
}

/// Says which segments went on purpose, for a repair that finds their files without a row. Apart
/// from the catalogue, with which it would be lost. Earlier ones whose file is gone are forgotten.
Result<void> note_dropped(
    Core& core, const Database& database, const DroppedSegments& dropped, WriteSet& set
) {
    const std::string prefix = key::dropped_prefix();
    SEYIR_CHECK(database.scan(
        Family::kMeta,
        prefix,
        key::prefix_end(prefix),
        [&](std::string_view bytes, std::string_view) -> Result<bool> {
            const auto old = key::parse_dropped(bytes);
            const auto file = core.fs.stat(
                old ? segment_path(core.files.path, old->day, old->id) : core.files.path
            );
            if (!file && file.error().code == ErrorCode::kNotFound) {
                set.erase(Family::kMeta, bytes);
            }
            return true;
        }
    ));
    for (const auto& [day, ids] : dropped) {
        for (const SegmentId id : ids) {
            set.put(Family::kMeta, key::dropped(day, id), "");
        }
    }
    return {};
}

}  // namespace

/// On the committer.
Result<void> Retention::commit(
    const DroppedSegments& dropped, UnixNanos floor, CatalogueViewPtr& old
) {
    SEYIR_TRY(const auto database, committer_.writable_database());
    SEYIR_TRY(const View view, core_.view());
    WriteSet set = database->new_write();
    std::map<Day, DayState> rests;
    for (const auto& [day, ids] : dropped) {
        SEYIR_TRY(DayState rest, erase_segments(core_, view, day, ids, set));
        if (rest.segments != nullptr) {
            rests.emplace(day, std::move(rest));
        }
    }
    for (const auto& [day, state] : *view.catalogue) {
        if (!dropped.contains(day) || rests.contains(day)) {
            floor = std::min(floor, day.begin());
            break;
        }
    }
    floor = std::max(floor, core_.floor);
    if (dropped.empty() && floor == core_.floor) {
        return {};
    }
    SEYIR_CHECK(note_dropped(core_, *database, dropped, set));
    set.put(Family::kMeta, key::kRetentionFloor, encode_u64(static_cast<uint64_t>(floor.value)));
    const std::lock_guard lock(core_.view_mutex);
    SEYIR_CHECK(database->write(std::move(set)));
    core_.floor = floor;
    old = core_.catalogue.drop(dropped, rests);
    return {};
}

}  // namespace seyir::store
