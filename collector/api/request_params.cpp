// SPDX-License-Identifier: Apache-2.0
#include "collector/api/request_params.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/logql/text/quantity.hpp"

namespace seyir::collector::api {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr size_t kSecondsDigitsMax = 10;
constexpr int64_t kSecondsMax = 9'200'000'000;  // later does not fit into nanoseconds

template <class T>
bool read_digits(std::string_view text, T& value) {
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && rest == end && !text.empty();
}

/// "2026-11-22T10:23:46.123+01:00"; nothing when the text is no such time.
std::optional<UnixNanos> parse_rfc3339(std::string_view text) {
    int year = 0;
    unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
    const bool shaped = text.size() >= 20 && text[4] == '-' && text[7] == '-' &&
                        (text[10] == 'T' || text[10] == 't' || text[10] == ' ') &&
                        text[13] == ':' && text[16] == ':';
    if (!shaped || !read_digits(text.substr(0, 4), year) ||
        !read_digits(text.substr(5, 2), month) || !read_digits(text.substr(8, 2), day) ||
        !read_digits(text.substr(11, 2), hour) || !read_digits(text.substr(14, 2), minute) ||
        !read_digits(text.substr(17, 2), second)) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{
        std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)
    };
    if (!date.ok() || hour > 23 || minute > 59 || second > 60 || year < 1678 || year > 2261) {
        return std::nullopt;
    }
    size_t at = 19;
    int64_t fraction = 0;
    if (text[at] == '.' || text[at] == ',') {
        int64_t scale = kSecond;
        for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
            scale /= 10;
            fraction += scale * (text[at] - '0');
        }
    }
    int64_t offset = 0;
    const std::string_view zone = text.substr(at);
    if (zone != "Z" && zone != "z") {
        unsigned zone_hour = 0, zone_minute = 0;
        if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' ||
            !read_digits(zone.substr(1, 2), zone_hour) ||
            !read_digits(zone.substr(4, 2), zone_minute)) {
            return std::nullopt;
        }
        offset =
            static_cast<int64_t>(zone_hour * 3600 + zone_minute * 60) * (zone[0] == '-' ? -1 : 1);
    }
    const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    const int64_t seconds =
        days * 86'400 + static_cast<int64_t>(hour * 3600 + minute * 60 + second) - offset;
    return UnixNanos{seconds * kSecond + fraction};
}

Result<Nanos> read_duration(std::string_view name, std::string_view text) {
    if (const auto ns = logql::parse_duration_ns(text, true); ns && *ns > 0) {
        return Nanos(*ns);
    }
    if (const auto seconds = logql::parse_number(text);
        seconds && *seconds > 0 && *seconds < kSecondsMax) {
        return Nanos(std::llround(*seconds * 1e9));
    }
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{} {} is not a duration above 0 (15s, 1h, or seconds)", name, json_quote(text))
    );
}

}  // namespace

Result<UnixNanos> parse_time(std::string_view text) {
    int64_t integer = 0;
    if (read_digits(text, integer)) {
        const size_t digits = text.size() - (text.starts_with('-') ? 1 : 0);
        if (digits > kSecondsDigitsMax) {
            return UnixNanos{integer};
        }
        if (std::abs(integer) < kSecondsMax) {
            return UnixNanos{integer * kSecond};
        }
    }
    if (const auto seconds = logql::parse_number(text);
        seconds && std::abs(*seconds) < kSecondsMax) {
        // Whole and fractional part apart: a double has not enough digits for nanoseconds.
        const double whole = std::floor(*seconds);
        return UnixNanos{
            static_cast<int64_t>(whole) * kSecond + std::llround((*seconds - whole) * 1e9)
        };
    }
    if (const auto time = parse_rfc3339(text)) {
        return *time;
    }
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "{} is not a time (nanoseconds, seconds, or 2026-11-22T10:00:00Z)", json_quote(text)
        )
    );
}

Result<TimeRange> read_range(const net::HttpRequest& request, UnixNanos now, Nanos default_span) {
    TimeRange range{.end = now};
    if (const auto end = request.parameter("end"); end && !end->empty()) {
        SEYIR_TRY(range.end, parse_time(*end));
    }
    Nanos span = default_span;
    if (const auto since = request.parameter("since"); since && !since->empty()) {
        SEYIR_TRY(span, read_duration("since", *since));
    }
    const auto start = request.parameter("start");
    if (start && !start->empty()) {
        SEYIR_TRY(range.begin, parse_time(*start));
    } else if (range.end.value >= UnixNanos::min().value + span.count()) {
        // Without `start` the range ends now at the latest, as in Loki.
        range.begin = std::min(range.end, now) - span;
    }
    if (range.end < range.begin) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "end timestamp must not be before start time: {} < {}",
                to_rfc3339(range.end),
                to_rfc3339(range.begin)
            )
        );
    }
    return range;
}

Result<query::Grid> read_grid(
    const net::HttpRequest& request, TimeRange range, const query::QueryLimits& limits
) {
    const __int128 length = static_cast<__int128>(range.end.value) - range.begin.value;
    query::Grid grid{.start_ns = range.begin.value};
    if (const auto step = request.parameter("step"); step && !step->empty()) {
        SEYIR_TRY(const Nanos ns, read_duration("step", *step));
        grid.step_ns = ns.count();
    } else {
        const auto seconds = static_cast<int64_t>(length / 250 / kSecond);
        grid.step_ns = std::max<int64_t>(1, seconds) * kSecond;
    }
    const __int128 points = length / grid.step_ns + 1;
    if (points > static_cast<__int128>(limits.points_max)) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "exceeded maximum resolution of {} points per time series. Try increasing the "
                "value "
                "of the step parameter",
                limits.points_max
            )
        );
    }
    grid.points = static_cast<size_t>(points);
    return grid;
}

Result<query::Grid> read_volume_grid(
    const net::HttpRequest& request, TimeRange range, const query::QueryLimits& limits
) {
    SEYIR_TRY(query::Grid grid, read_grid(request, range, limits));
    const __int128 length = static_cast<__int128>(range.end.value) - range.begin.value;
    if (length % grid.step_ns == 0 && grid.points > 1) {
        --grid.points;
    }
    return grid;
}

Result<uint64_t> read_count(std::string_view name, std::string_view text, uint64_t max) {
    uint64_t value = 0;
    if (!read_digits(text, value) || value == 0) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("{} must be a positive value, not {}", name, json_quote(text))
        );
    }
    if (value > max) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("{} {} is more than the {} allowed", name, value, max)
        );
    }
    return value;
}

Result<uint64_t> read_count_or(
    const net::HttpRequest& request, std::string_view name, uint64_t max, uint64_t fallback
) {
    const auto text = request.parameter(name);
    if (!text || text->empty()) {
        return fallback;
    }
    return read_count(name, *text, max);
}

Result<uint32_t> read_limit(const net::HttpRequest& request, const query::QueryLimits& limits) {
    const auto text = request.parameter("limit");
    if (!text || text->empty()) {
        return limits.rows_default;
    }
    int64_t value = 0;
    if (!read_digits(*text, value) || value <= 0) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("limit must be a positive value, not {}", json_quote(*text))
        );
    }
    if (value > limits.rows_max) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "max entries limit per query exceeded, limit > max_entries_limit_per_query ({} > "
                "{})",
                value,
                limits.rows_max
            )
        );
    }
    return static_cast<uint32_t>(value);
}

Result<Nanos> read_interval(const net::HttpRequest& request) {
    const auto text = request.parameter("interval");
    if (!text || text->empty() || *text == "0" || *text == "0s") {
        return Nanos(0);
    }
    return read_duration("interval", *text);
}

Result<StreamsFormat> read_streams_format(const net::HttpRequest& request) {
    const auto flags = request.header("X-Loki-Response-Encoding-Flags").value_or("");
    StreamsFormat format{.categorize = flags.find("categorize-labels") != std::string_view::npos};
    if (const auto encoding = request.parameter("line_encoding"); encoding && !encoding->empty()) {
        if (*encoding != "base64") {
            return fail(ErrorCode::kInvalidArgument, "line_encoding knows only base64");
        }
        format.base64_lines = true;
    }
    return format;
}

Result<store::Direction> read_direction(const net::HttpRequest& request) {
    std::string text(request.parameter("direction").value_or(""));
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    });
    if (text.empty() || text == "backward") {
        return store::Direction::kBackward;
    }
    if (text == "forward") {
        return store::Direction::kForward;
    }
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("invalid direction {}; use forward or backward", json_quote(text))
    );
}

Result<std::string_view> read_query(const net::HttpRequest& request) {
    const auto text = request.parameter("query");
    if (!text) {
        return fail(ErrorCode::kInvalidArgument, "the parameter `query` is missing");
    }
    return *text;
}

int http_status(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalidArgument:
        case ErrorCode::kUnsupported:
        case ErrorCode::kTooLarge:
            return 400;
        case ErrorCode::kUnauthorized:
            return 401;
        case ErrorCode::kNotFound:
            return 404;
        case ErrorCode::kBackpressure:
            return 429;
        case ErrorCode::kCancelled:
        case ErrorCode::kClosed:
            return 499;  // nginx's "client closed request", as Loki
        case ErrorCode::kTimeout:
            return 504;
        case ErrorCode::kNoSpace:
            return 507;
        default:
            return 500;
    }
}

}  // namespace seyir::collector::api
