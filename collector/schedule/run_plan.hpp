// SPDX-License-Identifier: Apache-2.0
// RunPlan: when a job that follows a schedule is to run: at its moments, once for those it missed,
// and again after a failure with growing pauses.
// Time: a moment that passed while the program was down, or while a run went on, is made up for at
// once, once. When the clock is put back nothing runs twice in the time that comes again, unless
// that is more than a day: then it had been wrong, and the next moment counts. Threads: not
// thread-safe; the job's own lock guards it. Ownership: borrows the clock.
#pragma once

#include <cstdint>
#include <optional>

#include "collector/schedule/cron.hpp"
#include "common/io/clock.hpp"

namespace seyir::collector::schedule {

struct RunSchedule {
    CronSchedule cron;
    TimeZone zone;
    uint32_t attempts = 5;  ///< of one scheduled run
    Nanos retry_initial = std::chrono::minutes(1);
    Nanos retry_max = std::chrono::hours(1);
};

enum class Due { kNothing, kScheduled, kRetry };

class RunPlan {
  public:
    RunPlan(RunSchedule schedule, io::Clock& clock);

    /// Before the first take_due(): what was missed since `last_done` is due.
    void begin(std::optional<UnixNanos> last_done);

    /// What is to run now; it is not due again until settle().
    Due take_due();

    /// How a run ended. True: nothing is tried again before the next scheduled moment.
    bool settle(bool is_ok);

    bool has_retry() const { return retry_at_.has_value(); }

    /// Attempts that failed since a run was good, or since the last scheduled moment.
    uint32_t failed_attempts() const { return failed_; }

    std::optional<UnixNanos> next() const { return next_; }

  private:
    void plan_after(UnixNanos moment, UnixNanos now);

    const RunSchedule schedule_;
    io::Clock& clock_;
    std::optional<UnixNanos> next_;
    UnixNanos planned_at_;  ///< what the clock said when next_ was found
    std::optional<SteadyTime> retry_at_;
    uint32_t failed_ = 0;
};

}  // namespace seyir::collector::schedule
