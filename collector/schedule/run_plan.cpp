// SPDX-License-Identifier: Apache-2.0
#include "collector/schedule/run_plan.hpp"

#include <algorithm>
#include <utility>

namespace seyir::collector::schedule {

namespace {

/// Put back by less, the time that comes again is waited for; a clock put back further was wrong.
constexpr Nanos kWaitedForMax = std::chrono::days(1);

}  // namespace

RunPlan::RunPlan(RunSchedule schedule, io::Clock& clock)
    : schedule_(std::move(schedule)), clock_(clock) {}

void RunPlan::begin(std::optional<UnixNanos> last_done) {
    const UnixNanos now = clock_.wall_now();
    plan_after(std::min(last_done.value_or(now), now), now);
}

void RunPlan::plan_after(UnixNanos moment, UnixNanos now) {
    next_ = schedule_.cron.next_after(moment, schedule_.zone);
    planned_at_ = now;
}

Due RunPlan::take_due() {
    if (retry_at_ && clock_.steady_now() >= *retry_at_) {
        retry_at_.reset();
        return Due::kRetry;
    }
    const UnixNanos now = clock_.wall_now();
    if (now < planned_at_ - kWaitedForMax) {
        plan_after(now, now);
    }
    if (!next_ || now < *next_) {
        return Due::kNothing;
    }
    plan_after(now, now);
    failed_ = 0;
    retry_at_.reset();
    return Due::kScheduled;
}

bool RunPlan::settle(bool is_ok) {
    retry_at_.reset();
    if (is_ok) {
        failed_ = 0;
        return true;
    }
    ++failed_;
    if (failed_ >= schedule_.attempts) {
        return true;
    }
    const Nanos wait = schedule_.retry_initial * (1LL << std::min(failed_ - 1, 20U));
    retry_at_ = clock_.steady_now() + std::min(wait, schedule_.retry_max);
    return false;
}

}  // namespace seyir::collector::schedule
