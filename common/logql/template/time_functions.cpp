// SPDX-License-Identifier: Apache-2.0
// now, date, toDate, unixEpoch, unixToTime, __timestamp__. A time without a zone is UTC.
#include <array>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/logql/template/functions.hpp"
#include "common/logql/template/go_time.hpp"

namespace seyir::logql::tmpl {
namespace {

Moment now_moment() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return moment_of_nanos(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

Result<Value> now(Scope&, Arguments) {
    return Value(now_moment());
}

Result<Value> timestamp(Scope& scope, Arguments) {
    return Value(moment_of_nanos(scope.row().ts().value));
}

Result<Value> line(Scope& scope, Arguments) {
    return Value(scope.row().line());
}

/// date LAYOUT TIME; seconds since 1970 are a time, too.
Result<Value> date(Scope& scope, Arguments args) {
    Moment moment;
    if (const auto* given = std::get_if<Moment>(&args[1])) {
        moment = *given;
        moment.offset_s = 0;
        moment.zone = "UTC";
    } else if (const auto* seconds = std::get_if<int64_t>(&args[1])) {
        moment.seconds = *seconds;
    } else {
        moment = now_moment();
    }
    std::string out;
    format_moment(out, moment, std::get<std::string_view>(args[0]));
    return scope.text(out);
}

/// What does not fit the layout is the year 1, as in sprig.
Result<Value> to_date(Scope&, Arguments args) {
    auto parsed =
        parse_moment(std::get<std::string_view>(args[0]), std::get<std::string_view>(args[1]));
    return Value(parsed ? std::move(parsed->moment) : zero_moment());
}

Result<Value> to_date_in_zone(Scope&, Arguments args) {
    const auto layout = std::get<std::string_view>(args[0]);
    auto parsed = parse_moment(layout, std::get<std::string_view>(args[2]));
    if (!parsed) {
        return Value(zero_moment());
    }
    if (parsed->is_local) {
        move_to_zone(parsed->moment, std::get<std::string_view>(args[1]));
    }
    return Value(std::move(parsed->moment));
}

template <int64_t kNanosPerUnit>
Result<Value> epoch(Scope& scope, Arguments args) {
    const auto& moment = std::get<Moment>(args[0]);
    constexpr int64_t kPerSecond = 1'000'000'000 / kNanosPerUnit;
    const int64_t units = kNanosPerUnit == 1
                              ? unix_nanos(moment)
                              : moment.seconds * kPerSecond + moment.nanos / kNanosPerUnit;
    return scope.text(std::to_string(units));
}

Moment moment_of(int64_t units, int64_t per_second) {
    Moment moment{.seconds = units / per_second};
    int64_t rest = units % per_second;
    if (rest < 0) {
        rest += per_second;
        --moment.seconds;
    }
    moment.nanos = static_cast<int32_t>(rest * (1'000'000'000 / per_second));
    return moment;
}

/// The number of digits tells the unit: days, seconds, milliseconds, microseconds, nanoseconds.
Result<Value> unix_to_time(Scope&, Arguments args) {
    const auto text = std::get<std::string_view>(args[0]);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const Error bad = template_error(fmt::format("unable to parse time '{}'", text));
    if (error != std::errc() || end != text.data() + text.size()) {
        return bad;
    }
    switch (text.size()) {
        case 5:
            return Value(Moment{.seconds = value * 86'400});
        case 10:
            return Value(Moment{.seconds = value});
        case 13:
            return Value(moment_of(value, 1'000));
        case 16:
            return Value(moment_of(value, 1'000'000));
        case 19:
            return Value(moment_of(value, 1'000'000'000));
        default:
            return bad;
    }
}

constexpr std::array kFunctions{
    Function{"now", "", now},
    Function{"__timestamp__", "", timestamp},
    Function{"__line__", "", line},
    Function{"date", "sa", date},
    Function{"toDate", "ss", to_date},
    Function{"toDateInZone", "sss", to_date_in_zone},
    Function{"unixEpoch", "t", epoch<1'000'000'000>},
    Function{"unixEpochMillis", "t", epoch<1'000'000>},
    Function{"unixEpochNanos", "t", epoch<1>},
    Function{"unixToTime", "s", unix_to_time},
};

}  // namespace

std::span<const Function> time_functions() {
    return kFunctions;
}

}  // namespace seyir::logql::tmpl
