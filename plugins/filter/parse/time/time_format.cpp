// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/time/time_format.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "common/time/civil.hpp"
#include "plugins/filter/parse/number.hpp"

namespace seyir::plugins::parse {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december"
};
constexpr std::array<std::string_view, 7> kDays = {
    "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"
};

/// What was read so far.
struct Fields {
    int64_t year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0, nanos = 0;
    bool has_year = false, has_date = false, is_pm = false, is_twelve = false;
    std::optional<int32_t> offset;
    std::optional<int64_t> unix_seconds;
    int64_t day_of_year = 0;
};

class Reader {
  public:
    explicit Reader(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

    bool is_end() const { return at_ == end_; }

    std::string_view rest() const { return {at_, static_cast<size_t>(end_ - at_)}; }

    void skip(size_t bytes) { at_ += bytes; }

    void skip_space() {
        while (at_ < end_ && (*at_ == ' ' || *at_ == '\t')) {
            ++at_;
        }
    }

    bool literal(char c) {
        if (at_ == end_ || *at_ != c) {
            return false;
        }
        ++at_;
        return true;
    }

    bool number(int digits_max, int64_t lowest, int64_t highest, int64_t& value) {
        int64_t read = 0;
        int digits = 0;
        while (digits < digits_max && at_ < end_ && *at_ >= '0' && *at_ <= '9') {
            read = read * 10 + (*at_++ - '0');
            ++digits;
        }
        value = read;
        return digits != 0 && read >= lowest && read <= highest;
    }

    bool fraction(int64_t& nanos) {
        int64_t scale = 100'000'000;
        const char* const begin = at_;
        nanos = 0;
        while (at_ < end_ && *at_ >= '0' && *at_ <= '9') {
            nanos += (*at_++ - '0') * scale;
            scale /= 10;
        }
        return at_ != begin;
    }

    /// The name or its first three letters, any case.
    template <size_t N>
    bool name(const std::array<std::string_view, N>& names, int64_t& index) {
        for (size_t i = 0; i < N; ++i) {
            for (const std::string_view form : {names[i], names[i].substr(0, 3)}) {
                if (has(form)) {
                    at_ += form.size();
                    index = static_cast<int64_t>(i);
                    return true;
                }
            }
        }
        return false;
    }

    bool has(std::string_view lower) const {
        return static_cast<size_t>(end_ - at_) >= lower.size() &&
               std::equal(lower.begin(), lower.end(), at_, [](char a, char b) {
                   return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b);
               });
    }

    bool zone(std::optional<int32_t>& offset) {
        if (at_ < end_ && (*at_ == '+' || *at_ == '-')) {
            for (const ptrdiff_t length : {6, 5, 3}) {
                if (end_ - at_ >= length) {
                    offset = parse_offset({at_, static_cast<size_t>(length)});
                    if (offset) {
                        at_ += length;
                        return true;
                    }
                }
            }
            return false;
        }
        size_t letters = 0;
        while (at_ + letters < end_ &&
               ((at_[letters] | 0x20) >= 'a' && (at_[letters] | 0x20) <= 'z')) {
            ++letters;
        }
        offset = parse_offset({at_, letters});
        at_ += letters;
        return offset.has_value();
    }

  private:
    const char* at_;
    const char* end_;
};

bool take(Reader& in, char directive, Fields& out);

/// Runs a pattern; false where the text does not fit.
bool run(Reader& in, std::string_view pattern, Fields& out) {
    for (size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        if (c == ' ') {
            in.skip_space();
        } else if (c != '%') {
            if (!in.literal(c)) {
                return false;
            }
        } else if (!take(in, pattern[++i], out)) {
            return false;
        }
    }
    return true;
}

bool take_date(Reader& in, char directive, Fields& out) {
    int64_t ignored = 0;
    switch (directive) {
        case 'Y':
            out.has_year = true;
            return in.number(4, 0, 9999, out.year);
        case 'y':
            out.has_year = in.number(2, 0, 99, out.year);
            out.year += out.year < 69 ? 2000 : 1900;
            return out.has_year;
        case 'm':
            out.has_date = true;
            return in.number(2, 1, 12, out.month);
        case 'd':
        case 'e':
            in.skip_space();
            out.has_date = true;
            return in.number(2, 1, 31, out.day);
        case 'j':
            out.has_date = true;
            return in.number(3, 1, 366, out.day_of_year);
        case 'b':
        case 'B':
        case 'h':
            if (!in.name(kMonths, out.month)) {
                return false;
            }
            ++out.month;
            out.has_date = true;
            return true;
        default:  // 'a', 'A'
            return in.name(kDays, ignored);
    }
}

bool take_clock(Reader& in, char directive, Fields& out) {
    switch (directive) {
        case 'H':
        case 'k':
            in.skip_space();
            return in.number(2, 0, 24, out.hour);
        case 'I':
        case 'l':
            in.skip_space();
            out.is_twelve = true;
            return in.number(2, 1, 12, out.hour);
        case 'M':
            return in.number(2, 0, 59, out.minute);
        case 'S':
            return in.number(2, 0, 60, out.second);
        case 'L':
        case 'f':
        case 'N':
            return in.fraction(out.nanos);
        default:  // 'p'
            out.is_pm = in.has("pm");
            if (!out.is_pm && !in.has("am")) {
                return false;
            }
            in.skip(2);
            return true;
    }
}

bool take(Reader& in, char directive, Fields& out) {
    switch (directive) {
        case 'z':
        case 'Z':
            return in.zone(out.offset);
        case 's': {
            int64_t seconds = 0;
            const bool ok = in.number(18, 0, INT64_MAX, seconds);
            out.unix_seconds = seconds;
            return ok;
        }
        case 'T':
            return run(in, "%H:%M:%S", out);
        case 'R':
            return run(in, "%H:%M", out);
        case 'D':
            return run(in, "%m/%d/%y", out);
        case 'F':
            return run(in, "%Y-%m-%d", out);
        case 'n':
        case 't':
            in.skip_space();
            return true;
        case '%':
            return in.literal('%');
        case 'Y':
        case 'y':
        case 'm':
        case 'd':
        case 'e':
        case 'j':
        case 'b':
        case 'B':
        case 'h':
        case 'a':
        case 'A':
            return take_date(in, directive, out);
        default:
            return take_clock(in, directive, out);
    }
}

std::optional<UnixNanos> with_date(const Fields& f, int64_t year, const TimeZone& zone) {
    if (f.day_of_year == 0 && f.day > days_in_month(year, f.month)) {
        return std::nullopt;
    }
    const int64_t days = f.day_of_year != 0 ? days_of(year, 1, 1) + f.day_of_year - 1
                                            : days_of(year, f.month, f.day);
    const int64_t local = days * kDaySeconds + f.hour * 3600 + f.minute * 60 + f.second;
    return saturated_nanos(f.offset ? local - *f.offset : zone.to_utc(local), f.nanos);
}

uint64_t distance(UnixNanos a, UnixNanos b) {
    return a < b ? static_cast<uint64_t>(b.value) - static_cast<uint64_t>(a.value)
                 : static_cast<uint64_t>(a.value) - static_cast<uint64_t>(b.value);
}

std::optional<UnixNanos> assemble(Fields f, UnixNanos reference, const TimeZone& zone) {
    if (f.unix_seconds) {
        return saturated_nanos(*f.unix_seconds, f.nanos);
    }
    if (f.is_twelve) {
        f.hour = f.hour % 12 + (f.is_pm ? 12 : 0);
    }
    if (f.has_year) {
        return with_date(f, f.year, zone);
    }
    const int64_t seconds = floor_div(reference.value, 1'000'000'000);
    const int64_t days = floor_div(seconds + zone.offset_at(seconds), kDaySeconds);
    std::optional<UnixNanos> best;
    for (int64_t step = -1; step <= 1; ++step) {
        int64_t year = year_of(days);
        if (f.has_date) {
            year += step;
        } else {
            year = year_of(days + step);
            f.day_of_year = days + step - days_of(year, 1, 1) + 1;
        }
        const auto candidate = with_date(f, year, zone);
        if (candidate && (!best || distance(*candidate, reference) < distance(*best, reference))) {
            best = candidate;
        }
    }
    return best;
}

std::optional<UnixNanos> scaled(const Value& value, int64_t per_second) {
    if (value.kind() == ValueKind::kInt) {
        const int64_t seconds = floor_div(value.as_int(), per_second);
        return saturated_nanos(
            seconds, (value.as_int() - seconds * per_second) * (1'000'000'000 / per_second)
        );
    }
    if (value.kind() == ValueKind::kDouble) {
        const double whole = std::floor(value.as_double() / static_cast<double>(per_second));
        if (!(std::abs(whole) < 1e18)) {
            return std::nullopt;
        }
        const double rest = value.as_double() - whole * static_cast<double>(per_second);
        return saturated_nanos(
            static_cast<int64_t>(whole),
            static_cast<int64_t>(std::llround(rest * (1e9 / static_cast<double>(per_second))))
        );
    }
    return std::nullopt;
}

/// Seconds until the year 5138, then milliseconds, microseconds, nanoseconds.
std::optional<UnixNanos> by_size(const Value& value) {
    const double size = std::abs(
        value.kind() == ValueKind::kInt ? static_cast<double>(value.as_int()) : value.as_double()
    );
    return scaled(
        value,
        size < 1e11   ? 1
        : size < 1e14 ? 1000
        : size < 1e17 ? 1'000'000
                      : 1'000'000'000
    );
}

/// "1763806800.25": digits, exactly.
std::optional<UnixNanos> seconds_text(std::string_view text) {
    const size_t point = text.find('.');
    const auto whole = parse_int(text.substr(0, point));
    if (!whole || *whole < 0) {
        return std::nullopt;
    }
    int64_t nanos = 0;
    if (point != std::string_view::npos) {
        Reader in(text.substr(point + 1));
        if (!in.fraction(nanos) || !in.is_end()) {
            return std::nullopt;
        }
    }
    return saturated_nanos(*whole, nanos);
}

bool is_number(const Value& value) {
    return value.kind() == ValueKind::kInt || value.kind() == ValueKind::kDouble;
}

}  // namespace

std::optional<UnixNanos> parse_iso_time(std::string_view text, const TimeZone& zone) {
    Reader in(text);
    Fields f;
    if (!run(in, "%Y-%m-%d", f)) {
        return std::nullopt;
    }
    if (!in.literal('T') && !in.literal(' ') && !in.literal('t')) {
        return in.is_end() ? with_date(f, f.year, zone) : std::nullopt;
    }
    if (!run(in, "%H:%M", f) || (in.literal(':') && !run(in, "%S", f)) ||
        ((in.literal('.') || in.literal(',')) && !in.fraction(f.nanos))) {
        return std::nullopt;
    }
    in.skip_space();
    if (!in.is_end() && (!in.zone(f.offset) || !in.is_end())) {
        return std::nullopt;
    }
    return with_date(f, f.year, zone);
}

std::optional<UnixNanos> parse_clf_time(std::string_view text) {
    Reader in(text);
    Fields f;
    if (!run(in, "%d/%b/%Y:%H:%M:%S", f) || (in.literal('.') && !in.fraction(f.nanos))) {
        return std::nullopt;
    }
    in.skip_space();
    if (!in.zone(f.offset) || !in.is_end()) {
        return std::nullopt;
    }
    return with_date(f, f.year, TimeZone());
}

Result<TimeFormat> TimeFormat::compile(std::string_view text) {
    TimeFormat format;
    constexpr std::pair<std::string_view, Kind> kNames[] = {
        {"auto", Kind::kAuto},
        {"rfc3339", Kind::kRfc3339},
        {"iso8601", Kind::kRfc3339},
        {"unix", Kind::kSeconds},
        {"unix_s", Kind::kSeconds},
        {"unix_ms", Kind::kMillis},
        {"unix_us", Kind::kMicros},
        {"unix_ns", Kind::kNanos},
    };
    for (const auto& [name, kind] : kNames) {
        if (text == name) {
            format.kind_ = kind;
            return format;
        }
    }
    if (text.find('%') == std::string_view::npos) {
        return fail(
            ErrorCode::kInvalidArgument,
            "\"" + std::string(text) +
                "\" is neither auto, rfc3339, unix, unix_ms, unix_us, unix_ns nor a pattern with %"
        );
    }
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            continue;
        }
        constexpr std::string_view kKnown = "YymdejbBhaAHkIlMSLfNpzZsTRDFnt%";
        if (++i == text.size() || kKnown.find(text[i]) == std::string_view::npos) {
            return fail(
                ErrorCode::kInvalidArgument,
                "%" + std::string(text.substr(i, 1)) +
                    " is no part of a time; there are %Y %y %m %d %e %b %a %j %H %I %M %S %p %L %z "
                    "%Z %s %T %D %F %R %n %t %%"
            );
        }
    }
    format.kind_ = Kind::kPattern;
    format.pattern_ = text;
    const auto has = [&](std::string_view part) {
        return text.find(part) != std::string_view::npos;
    };
    format.is_complete_ = has("%Y") || has("%y") || has("%s") || has("%F") || has("%D");
    return format;
}

std::optional<UnixNanos> TimeFormat::parse(
    const Value& value, UnixNanos reference, const TimeZone& zone
) const {
    switch (kind_) {
        case Kind::kSeconds:
            if (is_number(value)) {
                return scaled(value, 1);
            }
            break;
        case Kind::kMillis:
        case Kind::kMicros:
        case Kind::kNanos: {
            const int64_t unit = kind_ == Kind::kMillis   ? 1000
                                 : kind_ == Kind::kMicros ? 1'000'000
                                                          : 1'000'000'000;
            if (is_number(value)) {
                return scaled(value, unit);
            }
            if (value.kind() != ValueKind::kString) {
                return std::nullopt;
            }
            const auto number = parse_int(value.as_text());
            return number ? scaled(Value::integer(*number), unit) : std::nullopt;
        }
        case Kind::kAuto:
            if (is_number(value)) {
                return by_size(value);
            }
            break;
        default:
            break;
    }
    return value.kind() == ValueKind::kString ? parse_text(value.as_text(), reference, zone)
                                              : std::nullopt;
}

std::optional<UnixNanos> TimeFormat::parse_text(
    std::string_view text, UnixNanos reference, const TimeZone& zone
) const {
    if (kind_ == Kind::kSeconds) {
        return seconds_text(text);
    }
    if (kind_ == Kind::kRfc3339) {
        return parse_iso_time(text, zone);
    }
    if (kind_ == Kind::kAuto) {
        if (auto iso = parse_iso_time(text, zone)) {
            return iso;
        }
        if (auto clf = parse_clf_time(text)) {
            return clf;
        }
        if (const auto number = parse_int(text)) {
            return by_size(Value::integer(*number));
        }
        if (auto seconds = seconds_text(text)) {
            return seconds;
        }
        Reader in(text);
        Fields f;
        const bool fits = run(in, "%b %d %H:%M:%S", f) &&
                          (!in.literal('.') || in.fraction(f.nanos)) && in.is_end();
        return fits ? assemble(f, reference, zone) : std::nullopt;
    }
    Reader in(text);
    Fields f;
    if (!run(in, pattern_, f)) {
        return std::nullopt;
    }
    // A zone the pattern does not ask for counts all the same: many patterns forget it.
    in.skip_space();
    if (!in.is_end() && (f.offset || !in.zone(f.offset) || !in.is_end())) {
        return std::nullopt;
    }
    return assemble(f, reference, zone);
}

}  // namespace seyir::plugins::parse
