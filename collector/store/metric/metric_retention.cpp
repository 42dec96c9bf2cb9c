// SPDX-License-Identifier: Apache-2.0
#include "collector/store/metric/metric_retention.hpp"

#include <algorithm>

#include "collector/store/metric/metric_view.hpp"
#include "common/base/log.hpp"

namespace seyir::store {
namespace {

constexpr Nanos kLookEvery = std::chrono::hours(1);

}  // namespace

Result<void> MetricRetention::run() {
    const Nanos retention = core_.options.metrics_retention;
    const SteadyTime now = core_.clock.steady_now();
    if (retention.count() <= 0 || (looked_at_ && now - *looked_at_ < kLookEvery)) {
        return {};
    }
    looked_at_ = now;
    std::vector<Day> days;
    {
        SEYIR_TRY(View view, core_.view());
        SEYIR_TRY(days, MetricView(std::move(view.snapshot), TenantId::kDefault).days());
    }
    if (days.empty()) {
        return {};
    }
    // By the newest sample, too: with a clock that runs ahead everything would look old.
    const UnixNanos newest = std::min(core_.clock.wall_now(), days.back().end());
    const Day first_kept = day_of(newest - retention);
    if (days.front() >= first_kept) {
        return {};
    }
    SEYIR_CHECK(committer_.run_exclusive([&]() -> Result<void> {
        SEYIR_TRY(const auto database, committer_.writable_database());
        WriteSet set = database->new_write();
        set.erase_range(
            Family::kMetric,
            key::metric_day_prefix(days.front()),
            key::metric_day_prefix(first_kept)
        );
        return database->write(std::move(set));
    }));
    log::info(
        "store",
        "dropped metric samples past their retention",
        {{"from", days.front().folder()}, {"before", first_kept.folder()}}
    );
    return {};
}

}  // namespace seyir::store
