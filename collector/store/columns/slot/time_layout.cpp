// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/slot/time_layout.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>

#include "collector/store/columns/slot/put_text.hpp"
#include "collector/store/columns/text/runs.hpp"
#include "collector/store/columns/text/same_text.hpp"

namespace seyir::store::columns {
namespace {

constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::string_view kWeekdays = "SunMonTueWedThuFriSat";
constexpr int kYearMax = 2199;
constexpr int kYearOfYearless = 2000;  // a leap year: 29 February is a date
constexpr int64_t kSecondsPerDay = 86'400;
constexpr size_t kPatternBytesMax = 64;

constexpr std::array<std::string_view, 10> kBases = {
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%d/%b/%Y:%H:%M:%S",
    "%b %e %H:%M:%S",
    "%a %b %d %H:%M:%S %Y",
    "%a %b %e %H:%M:%S %Y",
    "%y/%m/%d %H:%M:%S",
    "%y%m%d %H%M%S",
    "%m-%d %H:%M:%S",
};

struct Parts {
    int year = kYearOfYearless;
    int month = 1;
    int day = 1;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int weekday = -1;
    int64_t fraction = 0;
};

size_t width_of(char directive) {
    switch (directive) {
        case 'Y':
            return 4;
        case 'b':
        case 'a':
            return 3;
        case 'y':
        case 'm':
        case 'd':
        case 'e':
        case 'H':
        case 'M':
        case 'S':
            return 2;
        default:
            return directive >= '1' && directive <= '9' ? static_cast<size_t>(directive - '0') : 0;
    }
}

int64_t number(std::string_view digits) {
    int64_t n = 0;
    for (const char c : digits) {
        if (!is_digit(c)) {
            return -1;
        }
        n = n * 10 + (c - '0');
    }
    return n;
}

int name_index(std::string_view names, std::string_view name) {
    const size_t at = names.find(name);
    return at == std::string_view::npos || at % 3 != 0 ? -1 : static_cast<int>(at / 3);
}

/// False when the text cannot be the directive's.
bool take(char directive, std::string_view text, Parts& parts) {
    if (directive == 'b') {
        parts.month = name_index(kMonths, text) + 1;
        return parts.month > 0;
    }
    if (directive == 'a') {
        parts.weekday = name_index(kWeekdays, text);
        return parts.weekday >= 0;
    }
    const bool is_padded = directive == 'e' && text[0] == ' ';
    const int64_t n = number(is_padded ? text.substr(1) : text);
    if (n < 0 || (directive == 'e' && !is_padded && n < 10)) {
        return false;
    }
    const auto small = static_cast<int>(n);
    switch (directive) {
        case 'Y':
            parts.year = small;
            return small >= 1 && small <= kYearMax;
        case 'y':
            parts.year = small < 70 ? 2000 + small : 1900 + small;
            return true;
        case 'm':
            parts.month = small;
            return small >= 1 && small <= 12;
        case 'd':
        case 'e':
            parts.day = small;
            return small >= 1 && small <= 31;
        case 'H':
            parts.hour = small;
            return small < 24;
        case 'M':
            parts.minute = small;
            return small < 60;
        case 'S':
            parts.second = small;
            return small < 60;
        default:
            parts.fraction = n;
            return true;
    }
}

/// A day of the calendar.
struct Date {
    int64_t number = INT64_MIN;  ///< since 1970
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    unsigned weekday = 0;
};

/// Of a day since 1970. Times that follow each other are mostly of one day.
const Date& date_of(int64_t number) {
    thread_local Date last;
    if (number != last.number) {
        const std::chrono::sys_days days{std::chrono::days(number)};
        const std::chrono::year_month_day date(days);
        last = {
            number,
            static_cast<int>(date.year()),
            static_cast<unsigned>(date.month()),
            static_cast<unsigned>(date.day()),
            std::chrono::weekday(days).c_encoding()
        };
    }
    return last;
}

std::chrono::sys_days days_of(const Parts& parts) {
    return std::chrono::year(parts.year) / std::chrono::month(static_cast<unsigned>(parts.month)) /
           std::chrono::day(static_cast<unsigned>(parts.day));
}

}  // namespace

std::optional<TimeLayout> TimeLayout::from_pattern(std::string_view pattern) {
    if (pattern.size() > kPatternBytesMax) {
        return std::nullopt;
    }
    static std::atomic<uint64_t> layouts_made = 0;
    TimeLayout layout;
    layout.pattern_ = pattern;
    layout.id_ = layouts_made.fetch_add(1, std::memory_order_relaxed) + 1;
    std::string seen;
    for (size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] != '%') {
            layout.steps_.push_back({0, pattern[i]});
            layout.length_ += 1;
            continue;
        }
        const char directive = ++i < pattern.size() ? pattern[i] : '\0';
        const size_t width = width_of(directive);
        const char kind = is_digit(directive) ? 'f' : directive;
        if (width == 0 || seen.contains(kind)) {
            return std::nullopt;
        }
        seen += kind;
        layout.steps_.push_back({directive, 0});
        if (kind == 'f') {
            layout.fraction_at_ = layout.length_;
            layout.fraction_size_ = width;
        }
        layout.length_ += width;
        layout.has_weekday_ = layout.has_weekday_ || directive == 'a';
        if (kind == 'f') {
            for (size_t n = 0; n < width; ++n) {
                layout.unit_ns_ /= 10;
                layout.units_per_second_ *= 10;
            }
        }
    }
    const auto has = [&](std::string_view any) {
        return seen.find_first_of(any) != std::string::npos;
    };
    if (layout.length_ > kLengthMax || !has("mb") || !has("de") || !has("H") || !has("M") ||
        !has("S") || (seen.contains('a') && !has("Yy")) ||
        (seen.contains('m') && seen.contains('b')) || (seen.contains('d') && seen.contains('e')) ||
        (seen.contains('Y') && seen.contains('y'))) {
        return std::nullopt;
    }
    return layout;
}

std::optional<TimeLayout> TimeLayout::detect(std::string_view text) {
    static const std::vector<TimeLayout> bases = [] {
        std::vector<TimeLayout> made;
        for (const std::string_view base : kBases) {
            made.push_back(*from_pattern(base));
        }
        return made;
    }();
    const auto base = std::ranges::find_if(bases, [&](const TimeLayout& layout) {
        return layout.may_begin(text) && layout.parse(text.substr(0, layout.length())).has_value();
    });
    if (base == bases.end()) {
        return std::nullopt;
    }
    std::string pattern = base->pattern();
    size_t at = base->length();
    if (at + 1 < text.size() && (text[at] == '.' || text[at] == ',') && is_digit(text[at + 1])) {
        size_t end = at + 1;
        while (end < text.size() && is_digit(text[end]) && end - at <= 9) {
            ++end;
        }
        pattern += text[at];
        pattern += '%';
        pattern += static_cast<char>('0' + (end - at - 1));
        at = end;
    }
    const size_t zone = at < text.size() && text[at] == ' ' ? at + 1 : at;
    const std::string_view rest = text.substr(zone);
    if (rest.starts_with('Z')) {
        pattern += text.substr(at, zone - at);
        pattern += 'Z';
    } else if (rest.size() >= 5 && (rest[0] == '+' || rest[0] == '-') &&
               number(rest.substr(1, 2)) >= 0) {
        const size_t colon = rest[3] == ':' ? 1 : 0;
        if (rest.size() >= 5 + colon && number(rest.substr(3 + colon, 2)) >= 0) {
            pattern += text.substr(at, zone - at);
            pattern += rest.substr(0, 5 + colon);
        }
    }
    // One layout follows another of its kind: the last one need not be made again.
    thread_local std::optional<TimeLayout> layout;
    if (!layout || layout->pattern() != pattern) {
        layout = from_pattern(pattern);
    }
    if (!layout || !can_cut(text, layout->length()) ||
        !layout->parse(text.substr(0, layout->length()))) {
        return std::nullopt;
    }
    return layout;
}

/// Its literals stand where they belong; false for most texts that are no times.
bool TimeLayout::may_begin(std::string_view text) const {
    if (text.size() < length_) {
        return false;
    }
    size_t at = 0;
    for (const Step& step : steps_) {
        if (step.directive == 0 && text[at] != step.literal) {
            return false;
        }
        at += step.directive == 0 ? 1 : width_of(step.directive);
    }
    return true;
}

std::optional<int64_t> TimeLayout::parse(std::string_view text) const {
    if (text.size() != length_) {
        return std::nullopt;
    }
    Parts parts;
    size_t at = 0;
    for (const Step& step : steps_) {
        if (step.directive == 0) {
            if (text[at] != step.literal) {
                return std::nullopt;
            }
            ++at;
            continue;
        }
        const size_t width = width_of(step.directive);
        if (!take(step.directive, text.substr(at, width), parts)) {
            return std::nullopt;
        }
        at += width;
    }
    const std::chrono::year_month_day date(days_of(parts));
    // A day the month does not have would come back as one of the next month.
    if (static_cast<int>(static_cast<unsigned>(date.day())) != parts.day) {
        return std::nullopt;
    }
    const std::chrono::sys_days days = days_of(parts);
    const auto weekday = static_cast<int>(std::chrono::weekday(days).c_encoding());
    if (parts.weekday >= 0 && parts.weekday != weekday) {
        return std::nullopt;
    }
    const int64_t seconds = int64_t{days.time_since_epoch().count()} * kSecondsPerDay +
                            parts.hour * 3600 + parts.minute * 60 + parts.second;
    int64_t value = 0;
    if (__builtin_mul_overflow(seconds, units_per_second_, &value) ||
        __builtin_add_overflow(value, parts.fraction, &value)) {
        return std::nullopt;
    }
    return value;
}

std::optional<int64_t> TimeLayout::parse_near(
    std::string_view text, std::string_view known, int64_t known_value
) const {
    const size_t behind = fraction_at_ + fraction_size_;
    const bool differs_in_fraction =
        fraction_size_ != 0 && text.size() == length_ && known.size() == length_ &&
        is_same(text.substr(0, fraction_at_), known.substr(0, fraction_at_)) &&
        is_same(text.substr(behind), known.substr(behind));
    if (!differs_in_fraction) {
        return parse(text);
    }
    const int64_t fraction = number(text.substr(fraction_at_, fraction_size_));
    const int64_t known_fraction = number(known.substr(fraction_at_, fraction_size_));
    int64_t value = 0;
    // Near the ends of what fits, as parse() sees it.
    if (fraction < 0 || known_fraction < 0 ||
        __builtin_sub_overflow(known_value, known_fraction, &value) ||
        __builtin_add_overflow(value, fraction, &value)) {
        return parse(text);
    }
    return value;
}

std::string TimeLayout::alphabet() const {
    std::string out = "0123456789- ";
    for (const Step& step : steps_) {
        switch (step.directive) {
            case 0:
                out += step.literal;
                break;
            case 'b':
                out += kMonths;
                break;
            case 'a':
                out += kWeekdays;
                break;
            default:
                break;  // digits
        }
    }
    return out;
}

char* TimeLayout::write(char* to, int64_t value) const {
    int64_t fraction = value % units_per_second_;
    fraction += fraction < 0 ? units_per_second_ : 0;
    const int64_t seconds = (value - fraction) / units_per_second_;

    // Times that follow each other are often of one second.
    struct Written {
        uint64_t id = 0;
        int64_t seconds = 0;
        char text[kLengthMax];
    };

    constexpr size_t kKept = 4;  // of layouts
    thread_local std::array<Written, kKept> kept;
    Written& written = kept[id_ % kKept];
    if (written.id != id_ || written.seconds != seconds) {
        write_seconds(written.text, seconds);
        written.id = id_;
        written.seconds = seconds;
    }
    put_text(to, {written.text, length_});
    if (fraction_size_ != 0) {
        put_padded(to + fraction_at_, static_cast<uint64_t>(fraction), fraction_size_);
    }
    return to + length_;
}

/// All but the fraction.
void TimeLayout::write_seconds(char* to, int64_t seconds) const {
    int64_t second = seconds % kSecondsPerDay;
    second += second < 0 ? kSecondsPerDay : 0;
    int64_t day_number = (seconds - second) / kSecondsPerDay;
    // Bytes may claim any number; dates go as far as years have four digits.
    day_number = std::clamp<int64_t>(day_number, -719'162, 2'932'896);
    const Date& date = date_of(day_number);
    const auto in_day = static_cast<uint64_t>(second);
    const auto year = static_cast<uint64_t>(date.year);
    for (const Step& step : steps_) {
        switch (step.directive) {
            case 0:
                *to++ = step.literal;
                break;
            case 'Y':
                to = put_padded(to, year, 4);
                break;
            case 'y':
                to = put_pair(to, year % 100);
                break;
            case 'm':
                to = put_pair(to, date.month);
                break;
            case 'b':
                to += kMonths.copy(to, 3, (date.month - 1) * size_t{3});
                break;
            case 'a':
                to += kWeekdays.copy(to, 3, date.weekday * size_t{3});
                break;
            case 'd':
                to = put_pair(to, date.day);
                break;
            case 'e':
                to = put_pair(to, date.day);
                to[-2] = to[-2] == '0' ? ' ' : to[-2];
                break;
            case 'H':
                to = put_pair(to, in_day / 3600);
                break;
            case 'M':
                to = put_pair(to, in_day / 60 % 60);
                break;
            case 'S':
                to = put_pair(to, in_day % 60);
                break;
            default:
                to = put_padded(to, 0, fraction_size_);
        }
    }
}

}  // namespace seyir::store::columns
