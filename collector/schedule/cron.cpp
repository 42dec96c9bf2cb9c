// SPDX-License-Identifier: Apache-2.0
#include "collector/schedule/cron.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/time/civil.hpp"

namespace seyir::collector::schedule {
namespace {

constexpr int64_t kMinuteSeconds = 60;
constexpr int64_t kHourSeconds = 3600;
/// 29 February is at most eight years away (2096 to 2104).
constexpr int64_t kDaysAheadMax = 366 * 9;

constexpr std::array<std::string_view, 12> kMonths = {
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"
};
constexpr std::array<std::string_view, 7> kWeekdays = {
    "sun", "mon", "tue", "wed", "thu", "fri", "sat"
};

struct Part {
    std::string_view name;
    int low;
    int high;
    std::span<const std::string_view> names;
};

constexpr std::array<Part, 5> kParts = {{
    {"minute", 0, 59, {}},
    {"hour", 0, 23, {}},
    {"day of month", 1, 31, {}},
    {"month", 1, 12, kMonths},
    {"day of week", 0, 7, kWeekdays},
}};

struct Nickname {
    std::string_view name;
    std::string_view meaning;
};

constexpr std::array<Nickname, 7> kNicknames = {{
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
    {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
}};

Error bad(const Part& part, std::string_view text) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("`{}` is no {}: {} to {}", text, part.name, part.low, part.high)
    );
}

/// Names are ASCII and stand in lower case in the tables.
bool is_same_word(std::string_view name, std::string_view text) {
    return std::ranges::equal(name, text, [](char a, char b) {
        return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b);
    });
}

Result<int> read_number(const Part& part, std::string_view text) {
    for (size_t i = 0; i < part.names.size(); ++i) {
        if (is_same_word(part.names[i], text)) {
            return static_cast<int>(i) + part.low;
        }
    }
    int value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value < part.low ||
        value > part.high) {
        return bad(part, text);
    }
    return value;
}

/// One item of a list: `*`, `a`, `a-b`, each with `/step`.
template <size_t kBits>
Result<void> read_item(const Part& part, std::string_view item, std::bitset<kBits>& out) {
    int step = 1;
    const size_t slash = item.find('/');
    const std::string_view range = item.substr(0, slash);
    if (slash != std::string_view::npos) {
        const std::string_view text = item.substr(slash + 1);
        const auto read = std::from_chars(text.data(), text.data() + text.size(), step);
        if (read.ec != std::errc() || read.ptr != text.data() + text.size() || step < 1) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("`{}` is no step of a {}: a number from 1", text, part.name)
            );
        }
    }
    int first = part.low;
    int last = part.high;
    if (range != "*") {
        const size_t dash = range.find('-');
        SEYIR_TRY(first, read_number(part, range.substr(0, dash)));
        // `5/15` means from 5 on, as in Vixie cron.
        last = slash == std::string_view::npos ? first : part.high;
        if (dash != std::string_view::npos) {
            SEYIR_TRY(last, read_number(part, range.substr(dash + 1)));
        }
        if (last < first) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("`{}`: a range of {}s begins with the lower one", range, part.name)
            );
        }
    }
    for (int i = first; i <= last; i += step) {
        out.set(static_cast<size_t>(i));
    }
    return {};
}

template <size_t kBits>
Result<void> read_part(const Part& part, std::string_view text, std::bitset<kBits>& out) {
    size_t from = 0;
    while (from <= text.size()) {
        const size_t comma = std::min(text.find(',', from), text.size());
        SEYIR_CHECK(read_item(part, text.substr(from, comma - from), out));
        from = comma + 1;
    }
    return {};
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    size_t at = 0;
    while ((at = text.find_first_not_of(" \t", at)) != std::string_view::npos) {
        const size_t end = std::min(text.find_first_of(" \t", at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

struct Date {
    int64_t month;
    int64_t day;
};

Date date_of(int64_t days) {
    const int64_t year = year_of(days);
    int64_t left = days - days_of(year, 1, 1);
    int64_t month = 1;
    while (left >= days_in_month(year, month)) {
        left -= days_in_month(year, month);
        ++month;
    }
    return {month, left + 1};
}

}  // namespace

Result<CronSchedule> CronSchedule::parse(std::string_view text) {
    std::vector<std::string_view> words = words_of(text);
    if (words.size() == 1 && words[0].starts_with('@')) {
        for (const Nickname& nickname : kNicknames) {
            if (nickname.name == words[0]) {
                return parse(nickname.meaning);
            }
        }
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("`{}` is not known: @hourly, @daily, @weekly, @monthly, @yearly", words[0])
        );
    }
    if (words.size() != kParts.size()) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "{} fields, not five: minute, hour, day of month, month, day of week", words.size()
            )
        );
    }
    CronSchedule out;
    SEYIR_CHECK(read_part(kParts[0], words[0], out.minutes_));
    SEYIR_CHECK(read_part(kParts[1], words[1], out.hours_));
    SEYIR_CHECK(read_part(kParts[2], words[2], out.days_));
    SEYIR_CHECK(read_part(kParts[3], words[3], out.months_));
    std::bitset<8> weekdays;
    SEYIR_CHECK(read_part(kParts[4], words[4], weekdays));
    for (size_t i = 0; i < weekdays.size(); ++i) {
        out.weekdays_[i % 7] = out.weekdays_[i % 7] || weekdays[i];
    }
    out.any_day_ = words[2].starts_with('*');
    out.any_weekday_ = words[4].starts_with('*');
    return out;
}

bool CronSchedule::has_day(int64_t days) const {
    const Date date = date_of(days);
    if (!months_[static_cast<size_t>(date.month)]) {
        return false;
    }
    const bool day = days_[static_cast<size_t>(date.day)];
    const bool weekday = weekdays_[static_cast<size_t>(weekday_of(days))];
    return any_day_ || any_weekday_ ? day && weekday : day || weekday;
}

std::optional<UnixNanos> CronSchedule::next_after(UnixNanos after, const TimeZone& zone) const {
    const int64_t utc = floor_div(after.value, 1'000'000'000);
    // A day early: where clocks are put back, a local time later today may come from yesterday's.
    const int64_t first_day = floor_div(utc + zone.offset_at(utc), kDaySeconds) - 1;
    for (int64_t days = first_day; days < first_day + kDaysAheadMax; ++days) {
        if (!has_day(days)) {
            continue;
        }
        for (int64_t hour = 0; hour < 24; ++hour) {
            for (int64_t minute = 0; hours_[static_cast<size_t>(hour)] && minute < 60; ++minute) {
                const int64_t local =
                    days * kDaySeconds + hour * kHourSeconds + minute * kMinuteSeconds;
                if (!minutes_[static_cast<size_t>(minute)]) {
                    continue;
                }
                const UnixNanos at = saturated_nanos(zone.to_utc(local), 0);
                if (at > after) {
                    return at;
                }
            }
        }
    }
    return std::nullopt;
}

}  // namespace seyir::collector::schedule
