// SPDX-License-Identifier: Apache-2.0
#include "common/base/units.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace seyir {
namespace {

struct Unit {
    std::string_view name;
    double factor;
};

constexpr std::array kByteUnits = {
    Unit{"B", 1},
    Unit{"", 1},
    Unit{"kB", 1e3},
    Unit{"KB", 1e3},
    Unit{"MB", 1e6},
    Unit{"GB", 1e9},
    Unit{"TB", 1e12},
    Unit{"KiB", 1024.0},
    Unit{"MiB", 1048576.0},
    Unit{"GiB", 1073741824.0},
    Unit{"TiB", 1099511627776.0},
};

struct DurationUnit {
    std::string_view name;
    int64_t nanos;
};

// Longest names first where one is the prefix of another (ms before m).
constexpr std::array kDurationUnits = {
    DurationUnit{"ns", 1},
    DurationUnit{"us", 1'000},
    DurationUnit{"\xc2\xb5s", 1'000},
    DurationUnit{"ms", 1'000'000},
    DurationUnit{"s", 1'000'000'000},
    DurationUnit{"m", 60'000'000'000},
    DurationUnit{"h", 3'600'000'000'000},
    DurationUnit{"d", 86'400'000'000'000},
    DurationUnit{"w", 604'800'000'000'000},
};

constexpr double kInt63 = 9.2e18;

struct Number {
    double value = 0;
    size_t length = 0;
};

/// Digits with an optional fraction at the start of `text`; length 0 when there is none.
Number leading_number(std::string_view text) {
    size_t n = 0;
    while (n < text.size() && ((text[n] >= '0' && text[n] <= '9') || text[n] == '.')) {
        ++n;
    }
    Number number;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + n, number.value);
    if (ec == std::errc{} && end == text.data() + n) {
        number.length = n;
    }
    return number;
}

}  // namespace

Result<uint64_t> parse_bytes(std::string_view text) {
    const Number number = leading_number(text);
    if (number.length == 0) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("`{}` is not a size; write a number and a unit, like `64MiB`", text)
        );
    }
    std::string_view unit = text.substr(number.length);
    while (!unit.empty() && unit.front() == ' ') {
        unit.remove_prefix(1);
    }
    for (const Unit& known : kByteUnits) {
        if (unit == known.name) {
            const double bytes = number.value * known.factor;
            if (bytes > kInt63) {
                return fail(ErrorCode::kInvalidArgument, fmt::format("`{}` is too large", text));
            }
            return static_cast<uint64_t>(std::llround(bytes));
        }
    }
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("`{}` has no unit of size; use B, KiB, MiB, GiB, TiB, kB, MB, GB or TB", text)
    );
}

Result<Nanos> parse_duration(std::string_view text) {
    if (text == "0") {
        return Nanos(0);
    }
    double total = 0;
    std::string_view rest = text;
    while (!rest.empty()) {
        const Number number = leading_number(rest);
        rest.remove_prefix(number.length);
        const DurationUnit* found = nullptr;
        for (const DurationUnit& unit : kDurationUnits) {
            if (number.length != 0 && rest.starts_with(unit.name)) {
                found = &unit;
                break;
            }
        }
        if (found == nullptr) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format(
                    "`{}` is not a duration; write a number and a unit, like `250ms`, `30s` or "
                    "`90d`",
                    text
                )
            );
        }
        total += number.value * static_cast<double>(found->nanos);
        rest.remove_prefix(found->name.size());
    }
    if (text.empty() || total > kInt63) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("`{}` is not a duration between 0 and 292 years", text)
        );
    }
    return Nanos(std::llround(total));
}

std::string format_bytes(uint64_t bytes) {
    static constexpr std::array kNames = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = static_cast<double>(bytes);
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < kNames.size()) {
        value /= 1024;
        ++unit;
    }
    if (unit == 0 || value == std::floor(value)) {
        return fmt::format("{:.0f} {}", value, kNames[unit]);
    }
    return fmt::format("{:.1f} {}", value, kNames[unit]);
}

std::string format_duration(Nanos duration) {
    int64_t rest = duration.count();
    if (rest == 0) {
        return "0s";
    }
    std::string text;
    if (rest < 0) {
        text = "-";
        rest = -rest;
    }
    static constexpr std::array<DurationUnit, 7> kDown = {
        DurationUnit{"d", 86'400'000'000'000},
        DurationUnit{"h", 3'600'000'000'000},
        DurationUnit{"m", 60'000'000'000},
        DurationUnit{"s", 1'000'000'000},
        DurationUnit{"ms", 1'000'000},
        DurationUnit{"us", 1'000},
        DurationUnit{"ns", 1},
    };
    for (const DurationUnit& unit : kDown) {
        if (rest >= unit.nanos) {
            text += fmt::format("{}{}", rest / unit.nanos, unit.name);
            rest %= unit.nanos;
        }
    }
    return text;
}

}  // namespace seyir
