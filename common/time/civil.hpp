// SPDX-License-Identifier: Apache-2.0
// Days and dates of the proleptic Gregorian calendar.
// Room: common/time.   Threads: pure functions.
#pragma once

#include <cstdint>

#include "common/base/time.hpp"

namespace seyir {

inline constexpr int64_t kDaySeconds = 86'400;

/// Days since 1970-01-01. `month` from 1.
constexpr int64_t days_of(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2 ? 1 : 0;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t year_of_era = year - era * 400;
    const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146'097 + day_of_era - 719'468;
}

constexpr int64_t year_of(int64_t days) {
    days += 719'468;
    const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
    const int64_t day_of_era = days - era * 146'097;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    return year_of_era + era * 400 + (day_of_year >= 306 ? 1 : 0);
}

constexpr bool is_leap(int64_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

constexpr int64_t days_in_month(int64_t year, int64_t month) {
    constexpr int8_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : kDays[month - 1];
}

/// Sunday = 0.
constexpr int64_t weekday_of(int64_t days) {
    return ((days % 7) + 11) % 7;
}

constexpr int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

/// The nearest time there is: UnixNanos ends in 1678 and 2262.
constexpr UnixNanos saturated_nanos(int64_t seconds, int64_t nanos) {
    constexpr int64_t kSecond = 1'000'000'000;
    if (seconds >= UnixNanos::max().value / kSecond) {
        return UnixNanos::max();
    }
    if (seconds <= UnixNanos::min().value / kSecond) {
        return UnixNanos::min();
    }
    return {seconds * kSecond + nanos};
}

}  // namespace seyir
