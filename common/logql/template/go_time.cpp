// SPDX-License-Identifier: Apache-2.0
#include "common/logql/template/go_time.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "common/time/time_zone.hpp"

namespace seyir::logql::tmpl {
namespace {

constexpr int64_t kDaySeconds = 86'400;
constexpr int64_t kSecondNanos = 1'000'000'000;

constexpr std::array<std::string_view, 12> kMonths{
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December"
};
constexpr std::array<std::string_view, 7> kDays{
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"
};

enum class Part : uint8_t {
    kNone,
    kLongMonth,
    kShortMonth,
    kMonth,
    kMonth2,
    kLongDay,
    kShortDay,
    kDay,
    kDaySpace,
    kDay2,
    kYearDaySpace,
    kYearDay,
    kHour24,
    kHour12,
    kHour12Zero,
    kMinute,
    kMinute2,
    kSecond,
    kSecond2,
    kYear4,
    kYear2,
    kUpperPm,
    kLowerPm,
    kZoneName,
    kZoneZ,  ///< Z for UTC
    kZone,
    kFraction,        ///< .000: always so many digits
    kFractionTrimmed  ///< .999: zeros at the end are left out
};

struct Piece {
    std::string_view text;
    Part part;
};

// In this order: the first that fits is taken, as Go's nextStdChunk does.
constexpr std::array kPieces{
    Piece{"January", Part::kLongMonth}, Piece{"Jan", Part::kShortMonth},
    Piece{"Monday", Part::kLongDay},    Piece{"Mon", Part::kShortDay},
    Piece{"MST", Part::kZoneName},      Piece{"002", Part::kYearDay},
    Piece{"01", Part::kMonth2},         Piece{"02", Part::kDay2},
    Piece{"03", Part::kHour12Zero},     Piece{"04", Part::kMinute2},
    Piece{"05", Part::kSecond2},        Piece{"06", Part::kYear2},
    Piece{"15", Part::kHour24},         Piece{"1", Part::kMonth},
    Piece{"2006", Part::kYear4},        Piece{"2", Part::kDay},
    Piece{"__2", Part::kYearDaySpace},  Piece{"_2006", Part::kNone},
    Piece{"_2", Part::kDaySpace},       Piece{"3", Part::kHour12},
    Piece{"4", Part::kMinute},          Piece{"5", Part::kSecond},
    Piece{"PM", Part::kUpperPm},        Piece{"pm", Part::kLowerPm},
    Piece{"-07:00:00", Part::kZone},    Piece{"-070000", Part::kZone},
    Piece{"-07:00", Part::kZone},       Piece{"-0700", Part::kZone},
    Piece{"-07", Part::kZone},          Piece{"Z07:00:00", Part::kZoneZ},
    Piece{"Z070000", Part::kZoneZ},     Piece{"Z07:00", Part::kZoneZ},
    Piece{"Z0700", Part::kZoneZ},       Piece{"Z07", Part::kZoneZ},
};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// The element at the front of the layout; kNone: a character of text.
Piece next_piece(std::string_view layout) {
    if ((layout[0] == '.' || layout[0] == ',') && layout.size() > 1 &&
        (layout[1] == '0' || layout[1] == '9')) {
        size_t end = 1;
        while (end < layout.size() && layout[end] == layout[1]) {
            ++end;
        }
        if (end == layout.size() || !is_digit(layout[end])) {
            const bool trimmed = layout[1] == '9';
            return {layout.substr(0, end), trimmed ? Part::kFractionTrimmed : Part::kFraction};
        }
    }
    for (const Piece& piece : kPieces) {
        if (!layout.starts_with(piece.text)) {
            continue;
        }
        if (piece.part == Part::kNone) {  // "_2006" is a space and the year
            return {layout.substr(0, 1), Part::kNone};
        }
        const bool word_goes_on = layout.size() > 3 && layout[3] >= 'a' && layout[3] <= 'z';
        if ((piece.text == "Jan" || piece.text == "Mon") && word_goes_on) {
            continue;
        }
        return piece;
    }
    return {layout.substr(0, 1), Part::kNone};
}

struct Civil {
    int64_t year = 1;
    int month = 1, day = 1, hour = 0, minute = 0, second = 0, weekday = 0, year_day = 1;
};

/// H. Hinnant, "chrono-compatible low-level date algorithms".
int64_t days_of(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2 ? 1 : 0;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t year_of_era = year - era * 400;
    const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146'097 + day_of_era - 719'468;
}

int days_in(int64_t year, int month) {
    constexpr std::array<int, 12> kDaysOf{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : kDaysOf[static_cast<size_t>(month - 1)];
}

Civil civil_of(const Moment& moment) {
    const int64_t local = moment.seconds + moment.offset_s;
    int64_t days = local / kDaySeconds;
    int64_t rest = local % kDaySeconds;
    if (rest < 0) {
        rest += kDaySeconds;
        --days;
    }
    const int64_t shifted = days + 719'468;
    const int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
    const int64_t day_of_era = shifted - era * 146'097;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t month_from_march = (5 * day_of_year + 2) / 153;
    Civil civil;
    civil.day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    civil.month =
        static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    civil.year = year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0);
    civil.hour = static_cast<int>(rest / 3600);
    civil.minute = static_cast<int>(rest / 60 % 60);
    civil.second = static_cast<int>(rest % 60);
    civil.weekday = static_cast<int>(((days % 7) + 11) % 7);
    civil.year_day = static_cast<int>(days - days_of(civil.year, 1, 1) + 1);
    return civil;
}

void append_zone(std::string& out, const Moment& moment, std::string_view layout, bool z_is_utc) {
    if (z_is_utc && moment.offset_s == 0) {
        out += 'Z';
        return;
    }
    const int offset = std::abs(moment.offset_s);
    const bool colons = layout.find(':') != std::string_view::npos;
    const auto digits = std::ranges::count_if(layout, is_digit);
    out += moment.offset_s < 0 ? '-' : '+';
    fmt::format_to(std::back_inserter(out), "{:02}", offset / 3600);
    if (digits > 2) {
        fmt::format_to(std::back_inserter(out), "{}{:02}", colons ? ":" : "", offset / 60 % 60);
    }
    if (digits > 4) {
        fmt::format_to(std::back_inserter(out), "{}{:02}", colons ? ":" : "", offset % 60);
    }
}

void append_fraction(std::string& out, int32_t nanos, std::string_view layout, bool trim) {
    std::string digits = fmt::format("{:09}", nanos);
    digits.resize(std::min<size_t>(layout.size() - 1, 9));
    while (trim && digits.ends_with('0')) {
        digits.pop_back();
    }
    if (!digits.empty()) {
        out += layout[0];
        out += digits;
    }
}

std::string_view name_of(Part part, const Civil& c) {
    const bool is_month = part == Part::kLongMonth || part == Part::kShortMonth;
    const std::string_view name = is_month ? kMonths[static_cast<size_t>(c.month - 1)]
                                           : kDays[static_cast<size_t>(c.weekday)];
    const bool is_short = part == Part::kShortMonth || part == Part::kShortDay;
    return name.substr(0, is_short ? 3 : std::string_view::npos);
}

std::string number_of(Part part, const Civil& c) {
    const int hour12 = c.hour % 12 == 0 ? 12 : c.hour % 12;
    switch (part) {
        case Part::kMonth:
            return fmt::format("{}", c.month);
        case Part::kMonth2:
            return fmt::format("{:02}", c.month);
        case Part::kDay:
            return fmt::format("{}", c.day);
        case Part::kDaySpace:
            return fmt::format("{:2}", c.day);
        case Part::kDay2:
            return fmt::format("{:02}", c.day);
        case Part::kYearDaySpace:
            return fmt::format("{:3}", c.year_day);
        case Part::kYearDay:
            return fmt::format("{:03}", c.year_day);
        case Part::kHour24:
            return fmt::format("{:02}", c.hour);
        case Part::kHour12:
            return fmt::format("{}", hour12);
        case Part::kHour12Zero:
            return fmt::format("{:02}", hour12);
        case Part::kMinute:
            return fmt::format("{}", c.minute);
        case Part::kMinute2:
            return fmt::format("{:02}", c.minute);
        case Part::kSecond:
            return fmt::format("{}", c.second);
        case Part::kSecond2:
            return fmt::format("{:02}", c.second);
        case Part::kYear4:
            return fmt::format("{:04}", c.year);
        default:
            return fmt::format("{:02}", ((c.year % 100) + 100) % 100);
    }
}

void append_piece(std::string& out, const Piece& piece, const Moment& moment, const Civil& c) {
    switch (piece.part) {
        case Part::kNone:
            out += piece.text;
            break;
        case Part::kLongMonth:
        case Part::kShortMonth:
        case Part::kLongDay:
        case Part::kShortDay:
            out += name_of(piece.part, c);
            break;
        case Part::kUpperPm:
            out += c.hour >= 12 ? "PM" : "AM";
            break;
        case Part::kLowerPm:
            out += c.hour >= 12 ? "pm" : "am";
            break;
        case Part::kZoneName:
            if (moment.zone.empty()) {
                append_zone(out, moment, "-0700", false);  // as Go where a zone has no name
            } else {
                out += moment.zone;
            }
            break;
        case Part::kZoneZ:
        case Part::kZone:
            append_zone(out, moment, piece.text, piece.part == Part::kZoneZ);
            break;
        case Part::kFraction:
        case Part::kFractionTrimmed:
            append_fraction(out, moment.nanos, piece.text, piece.part == Part::kFractionTrimmed);
            break;
        default:
            out += number_of(piece.part, c);
            break;
    }
}

}  // namespace

void format_moment(std::string& out, const Moment& moment, std::string_view layout) {
    const Civil civil = civil_of(moment);
    while (!layout.empty()) {
        const Piece piece = next_piece(layout);
        append_piece(out, piece, moment, civil);
        layout.remove_prefix(piece.text.size());
    }
}

namespace {

/// Names may come from records; reading a file for each row would be slow, keeping all unbounded.
constexpr size_t kZonesKept = 1'000;

/// As Go's time.LoadLocation: a name of the zone database or Local; offsets are no names.
std::shared_ptr<const TimeZone> find_zone(std::string_view name) {
    static std::mutex mutex;
    static std::map<std::string, std::shared_ptr<const TimeZone>, std::less<>> zones;
    const std::lock_guard lock(mutex);
    if (const auto at = zones.find(name); at != zones.end()) {
        return at->second;
    }
    std::shared_ptr<const TimeZone> zone;
    const std::string_view named = name == "Local" ? "local" : name;
    if (name != "local" && is_zone_name(named) && !parse_offset(named)) {
        if (auto loaded = TimeZone::load(named, io::posix_file_system())) {
            zone = std::make_shared<const TimeZone>(*std::move(loaded));
        }
    }
    if (zones.size() >= kZonesKept) {
        zones.clear();
    }
    zones.emplace(name, zone);
    return zone;
}

}  // namespace

void move_to_zone(Moment& moment, std::string_view name) {
    const auto zone = find_zone(name);
    if (zone == nullptr) {
        return;
    }
    // Go's time.Date: the offset at the wall clock's time read as UTC, unless the time it gives has
    // another one.
    int32_t offset = zone->offset_at(moment.seconds);
    if (zone->offset_at(moment.seconds - offset) != offset) {
        offset = zone->offset_at(moment.seconds - offset);
    }
    moment.seconds -= offset;
    moment.offset_s = offset;
    moment.zone.clear();
}

Moment zero_moment() {
    return {.seconds = days_of(1, 1, 1) * kDaySeconds};
}

int64_t unix_nanos(const Moment& moment) {
    __int128 nanos = static_cast<__int128>(moment.seconds) * kSecondNanos + moment.nanos;
    nanos = std::clamp<__int128>(
        nanos, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()
    );
    return static_cast<int64_t>(nanos);
}

Moment moment_of_nanos(int64_t unix_nanos) {
    int64_t seconds = unix_nanos / kSecondNanos;
    int64_t nanos = unix_nanos % kSecondNanos;
    if (nanos < 0) {
        nanos += kSecondNanos;
        --seconds;
    }
    return {.seconds = seconds, .nanos = static_cast<int32_t>(nanos)};
}

namespace {

/// Reads a text by a layout, element by element.
class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    std::optional<ParsedMoment> read(std::string_view layout) {
        while (!layout.empty()) {
            const Piece piece = next_piece(layout);
            layout.remove_prefix(piece.text.size());
            if (!take(piece, layout)) {
                return std::nullopt;
            }
        }
        return text_.empty() ? finish() : std::nullopt;
    }

  private:
    bool number(int& out, size_t digits_min, size_t digits_max) {
        size_t end = 0;
        int value = 0;
        while (end < text_.size() && end < digits_max && is_digit(text_[end])) {
            value = value * 10 + (text_[end++] - '0');
        }
        out = value;
        text_.remove_prefix(end);
        return end >= digits_min;
    }

    template <size_t kCount>
    bool name(int& out, const std::array<std::string_view, kCount>& names, size_t length) {
        for (size_t i = 0; i < kCount; ++i) {
            const std::string_view wanted = names[i].substr(0, length);
            const bool fits =
                text_.size() >= wanted.size() &&
                std::ranges::equal(text_.substr(0, wanted.size()), wanted, [](char a, char b) {
                    return (a | 0x20) == (b | 0x20);
                });
            if (fits) {
                out = static_cast<int>(i);
                text_.remove_prefix(wanted.size());
                return true;
            }
        }
        return false;
    }

    bool fraction(size_t digits_max) {
        size_t end = 0;
        int64_t value = 0;
        for (; end < text_.size() && is_digit(text_[end]) && end < digits_max; ++end) {
            value = end < 9 ? value * 10 + (text_[end] - '0') : value;
        }
        for (size_t i = end; i < 9; ++i) {
            value *= 10;
        }
        nanos_ = static_cast<int32_t>(value);
        text_.remove_prefix(end);
        return end > 0;
    }

    /// A fraction may follow the seconds though the layout does not say so.
    bool optional_fraction(std::string_view layout) {
        const bool there =
            text_.size() > 1 && (text_[0] == '.' || text_[0] == ',') && is_digit(text_[1]);
        const Part next = layout.empty() ? Part::kNone : next_piece(layout).part;
        if (!there || next == Part::kFraction || next == Part::kFractionTrimmed) {
            return true;
        }
        text_.remove_prefix(1);
        return fraction(std::string_view::npos);
    }

    bool zone(std::string_view layout, bool z_is_utc) {
        has_zone_ = true;
        if (z_is_utc && text_.starts_with('Z')) {
            text_.remove_prefix(1);
            return true;
        }
        const bool colons = layout.find(':') != std::string_view::npos;
        const auto digits = std::ranges::count_if(layout, is_digit);
        if (text_.empty() || (text_[0] != '+' && text_[0] != '-')) {
            return false;
        }
        const int sign = text_[0] == '-' ? -1 : 1;
        text_.remove_prefix(1);
        int total = 0;
        int seconds = 3600;
        for (int i = 0; i < digits / 2; ++i, seconds /= 60) {
            if (i > 0 && colons) {
                if (!text_.starts_with(':')) {
                    return false;
                }
                text_.remove_prefix(1);
            }
            int part = 0;
            if (!number(part, 2, 2) || part > (i == 0 ? 24 : 59)) {
                return false;
            }
            total += part * seconds;
        }
        offset_s_ = sign * total;
        zone_ = offset_s_ == 0 ? "UTC" : "";
        return true;
    }

    /// "UTC", or three to five capitals: an abbreviation says no offset, so it counts as UTC.
    bool zone_name() {
        size_t end = 0;
        while (end < text_.size() && end < 5 && text_[end] >= 'A' && text_[end] <= 'Z') {
            ++end;
        }
        if (end < 3) {
            return false;
        }
        has_zone_ = true;
        zone_ = text_.substr(0, end);
        text_.remove_prefix(end);
        return true;
    }

    bool text(std::string_view wanted) {
        if (wanted == " ") {  // there may be more of them, or none, in the text
            text_.remove_prefix(std::min(text_.find_first_not_of(' '), text_.size()));
            return true;
        }
        const bool there = text_.starts_with(wanted);
        text_.remove_prefix(there ? wanted.size() : 0);
        return there;
    }

    bool month_name(size_t length) {
        const bool found = name(civil_.month, kMonths, length);
        ++civil_.month;
        return found;
    }

    bool half_day(bool upper) {
        is_pm_ = text_.starts_with(upper ? "PM" : "pm");
        is_am_ = text_.starts_with(upper ? "AM" : "am");
        text_.remove_prefix(is_pm_ || is_am_ ? 2 : 0);
        return is_pm_ || is_am_;
    }

    bool year(size_t digits) {
        int value = 0;
        const bool fits = number(value, digits, digits);
        civil_.year = digits == 4 ? value : value >= 69 ? 1900 + value : 2000 + value;
        return fits;
    }

    /// A fraction the layout names: of so many digits, or trimmed and perhaps not there.
    bool named_fraction(const Piece& piece) {
        const bool trimmed = piece.part == Part::kFractionTrimmed;
        const bool there =
            text_.size() > 1 && (text_[0] == '.' || text_[0] == ',') && is_digit(text_[1]);
        if (!there) {
            return trimmed;
        }
        text_.remove_prefix(1);
        return fraction(trimmed ? std::string_view::npos : piece.text.size() - 1);
    }

    bool take_number(Part part, std::string_view layout) {
        switch (part) {
            case Part::kMonth:
            case Part::kMonth2:
                return number(civil_.month, part == Part::kMonth ? 1 : 2, 2);
            case Part::kDaySpace:
                text_.remove_prefix(text_.starts_with(' ') ? 1 : 0);
                return number(civil_.day, 1, 2);
            case Part::kDay:
            case Part::kDay2:
                return number(civil_.day, part == Part::kDay ? 1 : 2, 2);
            case Part::kYearDaySpace:
                text_.remove_prefix(std::min({text_.find_first_not_of(' '), size_t{2}, text_.size()}
                ));
                return number(year_day_, 1, 3);
            case Part::kYearDay:
                return number(year_day_, 3, 3);
            case Part::kHour24:
                return number(civil_.hour, 1, 2) && civil_.hour < 24;
            case Part::kHour12:
            case Part::kHour12Zero:
                return number(civil_.hour, part == Part::kHour12 ? 1 : 2, 2) && civil_.hour <= 12;
            case Part::kMinute:
            case Part::kMinute2:
                return number(civil_.minute, part == Part::kMinute ? 1 : 2, 2) &&
                       civil_.minute < 60;
            case Part::kSecond:
            case Part::kSecond2:
                return number(civil_.second, part == Part::kSecond ? 1 : 2, 2) &&
                       civil_.second < 60 && optional_fraction(layout);
            default:
                return year(part == Part::kYear4 ? 4 : 2);
        }
    }

    bool take(const Piece& piece, std::string_view layout) {
        int ignored = 0;
        switch (piece.part) {
            case Part::kNone:
                return text(piece.text);
            case Part::kLongMonth:
                return month_name(std::string_view::npos);
            case Part::kShortMonth:
                return month_name(3);
            case Part::kLongDay:
                return name(ignored, kDays, std::string_view::npos);
            case Part::kShortDay:
                return name(ignored, kDays, 3);
            case Part::kUpperPm:
            case Part::kLowerPm:
                return half_day(piece.part == Part::kUpperPm);
            case Part::kZoneName:
                return zone_name();
            case Part::kZoneZ:
            case Part::kZone:
                return zone(piece.text, piece.part == Part::kZoneZ);
            case Part::kFraction:
            case Part::kFractionTrimmed:
                return named_fraction(piece);
            default:
                return take_number(piece.part, layout);
        }
    }

    std::optional<ParsedMoment> finish() {
        if (is_pm_ && civil_.hour < 12) {
            civil_.hour += 12;
        } else if (is_am_ && civil_.hour == 12) {
            civil_.hour = 0;
        }
        if (civil_.month < 1 || civil_.month > 12 || civil_.day < 1 ||
            civil_.day > days_in(civil_.year, civil_.month)) {
            return std::nullopt;
        }
        int64_t days = days_of(civil_.year, civil_.month, civil_.day);
        if (year_day_ > 0) {
            days = days_of(civil_.year, 1, 1) + year_day_ - 1;
        }
        Moment moment{.nanos = nanos_, .offset_s = offset_s_, .zone = zone_};
        moment.seconds = days * kDaySeconds + civil_.hour * 3600 + civil_.minute * 60 +
                         civil_.second - offset_s_;
        return ParsedMoment{std::move(moment), !has_zone_};
    }

    std::string_view text_;
    Civil civil_{.year = 0};  // a layout without a year means year 0, as in Go
    int year_day_ = 0;
    int32_t nanos_ = 0;
    int32_t offset_s_ = 0;
    std::string zone_ = "UTC";
    bool has_zone_ = false, is_pm_ = false, is_am_ = false;
};

}  // namespace

std::optional<ParsedMoment> parse_moment(std::string_view layout, std::string_view text) {
    return Reader(text).read(layout);
}

}  // namespace seyir::logql::tmpl
