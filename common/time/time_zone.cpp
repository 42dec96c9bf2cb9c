// SPDX-License-Identifier: Apache-2.0
#include "common/time/time_zone.hpp"

#include <algorithm>
#include <charconv>

#include "common/time/civil.hpp"

namespace seyir {
namespace {

constexpr size_t kZoneFileBytesMax = 64 * 1024;
constexpr size_t kHeaderBytes = 44;

uint32_t big_endian(std::string_view bytes, size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) {
        value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
    }
    return value;
}

int64_t big_endian_64(std::string_view bytes, size_t at) {
    return static_cast<int64_t>(
        static_cast<uint64_t>(big_endian(bytes, at)) << 32U | big_endian(bytes, at + 4)
    );
}

struct Counts {
    size_t is_utc, is_standard, leaps, changes, types, letters;

    static Counts read(std::string_view header) {
        return {
            big_endian(header, 20),
            big_endian(header, 24),
            big_endian(header, 28),
            big_endian(header, 32),
            big_endian(header, 36),
            big_endian(header, 40)
        };
    }

    size_t body_bytes(size_t time_bytes) const {
        return changes * (time_bytes + 1) + types * 6 + letters + leaps * (time_bytes + 4) +
               is_standard + is_utc;
    }
};

/// The letters of a zone, also in angle brackets.
bool skip_name(std::string_view& text) {
    size_t end = 0;
    if (text.starts_with('<')) {
        end = text.find('>');
        end = end == std::string_view::npos ? 0 : end + 1;
    } else {
        while (end < text.size() && ((text[end] | 0x20) >= 'a' && (text[end] | 0x20) <= 'z')) {
            ++end;
        }
    }
    text.remove_prefix(end);
    return end != 0;
}

/// "[+-]hh[:mm[:ss]]".
std::optional<int32_t> take_clock(std::string_view& text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    int32_t seconds = 0;
    for (const int32_t unit : {3600, 60, 1}) {
        size_t digits = 0;
        int32_t number = 0;
        while (digits < 3 && digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
            number = number * 10 + (text[digits++] - '0');
        }
        if (digits == 0) {
            return std::nullopt;
        }
        text.remove_prefix(digits);
        seconds += number * unit;
        if (!text.starts_with(':')) {
            break;
        }
        text.remove_prefix(1);
    }
    return negative ? -seconds : seconds;
}

std::optional<uint64_t> parse_digits(std::string_view text) {
    uint64_t value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_whole = error == std::errc() && rest == text.data() + text.size();
    return is_whole ? std::optional(value) : std::nullopt;
}

std::optional<int> take_number(std::string_view& text, char before) {
    if (!text.starts_with(before)) {
        return std::nullopt;
    }
    size_t end = 1;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') {
        ++end;
    }
    const auto number = parse_digits(text.substr(1, end - 1));
    text.remove_prefix(end);
    return number && *number < 100 ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

}  // namespace

std::optional<int32_t> parse_offset(std::string_view text) {
    if (text == "Z" || text == "z" || text == "UTC" || text == "GMT" || text == "utc") {
        return 0;
    }
    if (text.size() < 2 || (text[0] != '+' && text[0] != '-')) {
        return std::nullopt;
    }
    std::string digits;
    for (size_t i = 1; i < text.size(); ++i) {
        if (text[i] == ':' && i == 3 && text.size() == 6) {
            continue;
        }
        if (text[i] < '0' || text[i] > '9') {
            return std::nullopt;
        }
        digits += text[i];
    }
    if (digits.size() > 4 || digits.size() == 3) {
        return std::nullopt;
    }
    const int number = static_cast<int>(*parse_digits(digits));
    const int hours = digits.size() == 4 ? number / 100 : number;
    const int minutes = digits.size() == 4 ? number % 100 : 0;
    if (hours > 24 || minutes > 59) {
        return std::nullopt;
    }
    const int32_t seconds = hours * 3600 + minutes * 60;
    return text[0] == '-' ? -seconds : seconds;
}

bool is_zone_name(std::string_view name) {
    if (name == "local" || parse_offset(name)) {
        return true;
    }
    return !name.empty() && name.size() <= 64 && name.find("..") == std::string_view::npos &&
           name.front() >= 'A' && name.front() <= 'Z' && std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '/' || c == '_' || c == '-' || c == '+';
           });
}

TimeZone TimeZone::fixed(int32_t offset_seconds) {
    TimeZone zone;
    zone.first_offset_ = offset_seconds;
    return zone;
}

Result<TimeZone> TimeZone::load(std::string_view name, io::FileSystem& files) {
    if (const auto offset = parse_offset(name)) {
        return fixed(*offset);
    }
    if (!is_zone_name(name)) {
        return fail(
            ErrorCode::kInvalidArgument,
            "\"" + std::string(name) +
                "\" is no time zone; write UTC, local, +03:00 or a name as Europe/Istanbul"
        );
    }
    const std::string path = name == "local" ? std::string("/etc/localtime")
                                             : "/usr/share/zoneinfo/" + std::string(name);
    const auto bytes = io::read_file(files, path, kZoneFileBytesMax);
    if (!bytes) {
        if (name == "local" && bytes.error().code == ErrorCode::kNotFound) {
            return TimeZone();  // as the C library does
        }
        return bytes.error().context("time zone \"" + std::string(name) + "\"");
    }
    auto zone = parse_tzif(*bytes);
    if (!zone) {
        return zone.error().context(path);
    }
    return zone;
}

Result<TimeZone> TimeZone::parse_tzif(std::string_view bytes) {
    const Error broken =
        fail(ErrorCode::kCorrupt, "is no time zone file (TZif, version 2 or later)");
    if (bytes.size() < 2 * kHeaderBytes || !bytes.starts_with("TZif") || bytes[4] < '2') {
        return broken;
    }
    const size_t skipped = kHeaderBytes + Counts::read(bytes).body_bytes(4);
    if (bytes.size() < skipped + kHeaderBytes) {
        return broken;
    }
    bytes.remove_prefix(skipped);
    const Counts counts = Counts::read(bytes);
    const size_t body = counts.body_bytes(8);
    if (!bytes.starts_with("TZif") || bytes.size() < kHeaderBytes + body || counts.types == 0) {
        return broken;
    }
    const size_t times = kHeaderBytes;
    const size_t kinds = times + counts.changes * 8;
    const size_t types = kinds + counts.changes;
    const auto offset_of = [&](size_t type) {
        return static_cast<int32_t>(big_endian(bytes, types + type * 6));
    };
    TimeZone zone;
    zone.first_offset_ = offset_of(0);
    for (size_t i = 0; i < counts.changes; ++i) {
        const auto type = static_cast<unsigned char>(bytes[kinds + i]);
        if (type >= counts.types) {
            return broken;
        }
        zone.changes_.push_back({big_endian_64(bytes, times + i * 8), offset_of(type)});
    }
    std::string_view footer = bytes.substr(kHeaderBytes + body);
    if (footer.starts_with('\n')) {
        footer.remove_prefix(1);
        zone.rule_ = parse_rule(footer.substr(0, footer.find('\n')));
    }
    return zone;
}

std::optional<TimeZone::Rule> TimeZone::parse_rule(std::string_view text) {
    Rule rule;
    if (!skip_name(text)) {
        return std::nullopt;
    }
    const auto west = take_clock(text);
    if (!west) {
        return std::nullopt;
    }
    rule.standard = -*west;
    if (text.empty()) {
        return rule;
    }
    rule.has_summer = true;
    rule.summer = rule.standard + 3600;
    if (!skip_name(text)) {
        return std::nullopt;
    }
    if (!text.empty() && text.front() != ',') {
        const auto summer_west = take_clock(text);
        if (!summer_west) {
            return std::nullopt;
        }
        rule.summer = -*summer_west;
    }
    for (Rule::Date* date : {&rule.begin, &rule.end}) {
        if (!text.starts_with(",M")) {
            return std::nullopt;  // days counted through the year: no zone of today has them
        }
        text.remove_prefix(1);
        const auto month = take_number(text, 'M');
        const auto week = take_number(text, '.');
        const auto weekday = take_number(text, '.');
        if (!month || !week || !weekday || *month < 1 || *month > 12 || *weekday > 6) {
            return std::nullopt;
        }
        date->month = *month;
        date->week = *week;
        date->weekday = *weekday;
        if (text.starts_with('/')) {
            text.remove_prefix(1);
            const auto clock = take_clock(text);
            if (!clock) {
                return std::nullopt;
            }
            date->seconds = *clock;
        }
    }
    return rule;
}

int32_t TimeZone::offset_by_rule(int64_t utc_seconds) const {
    const Rule& rule = *rule_;
    if (!rule.has_summer) {
        return rule.standard;
    }
    const int64_t year = year_of(floor_div(utc_seconds + rule.standard, kDaySeconds));
    const auto moment = [&](const Rule::Date& date, int32_t offset_before) {
        const int64_t first = days_of(year, date.month, 1);
        int64_t day = (date.weekday - weekday_of(first) + 7) % 7 + (date.week - 1) * 7;
        while (day >= days_in_month(year, date.month)) {
            day -= 7;
        }
        return (first + day) * kDaySeconds + date.seconds - offset_before;
    };
    const int64_t begin = moment(rule.begin, rule.standard);
    const int64_t end = moment(rule.end, rule.summer);
    const bool in_summer = begin < end ? utc_seconds >= begin && utc_seconds < end
                                       : utc_seconds >= begin || utc_seconds < end;
    return in_summer ? rule.summer : rule.standard;
}

int32_t TimeZone::offset_at(int64_t utc_seconds) const {
    const auto after = std::ranges::upper_bound(changes_, utc_seconds, {}, &Change::at);
    if (after == changes_.end() && rule_) {
        return offset_by_rule(utc_seconds);
    }
    return after == changes_.begin() ? first_offset_ : std::prev(after)->offset;
}

int64_t TimeZone::to_utc(int64_t local_seconds) const {
    if (changes_.empty() && !rule_) {
        return local_seconds - first_offset_;
    }
    // A day before is before any change near this time, a day later behind it.
    const int32_t before = offset_at(local_seconds - kDaySeconds);
    const int64_t first = local_seconds - before;
    if (offset_at(first) == before) {
        return first;
    }
    const int32_t after = offset_at(local_seconds + kDaySeconds);
    const int64_t second = local_seconds - after;
    return offset_at(second) == after ? second : first;
}

}  // namespace seyir
