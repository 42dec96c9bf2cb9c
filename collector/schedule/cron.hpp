// SPDX-License-Identifier: Apache-2.0
// CronSchedule: when something is due, as crontab(5) says it.
// Threads: immutable.   Errors: kInvalidArgument, naming the field and its range.
// Format: Vixie cron's five fields (minute, hour, day of month, month, day of week): `*`, lists,
// ranges, steps, names of months and days, Sunday as 0 and 7; when both days are restricted, either
// suffices. `@yearly`, `@monthly`, `@weekly`, `@daily`, `@hourly`.
#pragma once

#include <bitset>
#include <optional>
#include <string_view>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/time/time_zone.hpp"

namespace seyir::collector::schedule {

class CronSchedule {
  public:
    static Result<CronSchedule> parse(std::string_view text);

    /// The first moment later than `after` on the clocks of `zone`. A time that a change of clocks
    /// skips counts as the moment they change; of one that comes twice the first counts. Nothing:
    /// never ("0 0 30 2 *").
    std::optional<UnixNanos> next_after(UnixNanos after, const TimeZone& zone) const;

  private:
    bool has_day(int64_t days) const;

    std::bitset<60> minutes_;
    std::bitset<24> hours_;
    std::bitset<32> days_;    // 1..31
    std::bitset<13> months_;  // 1..12
    std::bitset<7> weekdays_;
    bool any_day_ = true;
    bool any_weekday_ = true;
};

}  // namespace seyir::collector::schedule
