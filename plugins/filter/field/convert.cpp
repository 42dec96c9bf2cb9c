// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/field/convert.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "common/config/schema/scalar.hpp"
#include "common/logql/text/quantity.hpp"
#include "plugins/filter/field/field_ref.hpp"

namespace seyir::plugins {
namespace {

constexpr std::array<std::pair<std::string_view, ConvertTo>, 7> kNames{{
    {"int", ConvertTo::kInt},
    {"double", ConvertTo::kDouble},
    {"bool", ConvertTo::kBool},
    {"string", ConvertTo::kString},
    {"duration", ConvertTo::kDuration},
    {"bytes", ConvertTo::kBytes},
    {"time", ConvertTo::kTime},
}};

std::string_view trimmed(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t");
    return first == std::string_view::npos
               ? std::string_view{}
               : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <class T>
std::optional<T> number(std::string_view text) {
    text.remove_prefix(text.starts_with('+') ? 1 : 0);
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<double> finite(std::string_view text) {
    const auto value = number<double>(text);
    return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<int64_t> whole(double value) {
    // 2^63 is the first double that no int64 can hold.
    if (value != std::trunc(value) || value < -0x1p63 || value >= 0x1p63) {
        return std::nullopt;
    }
    return static_cast<int64_t>(value);
}

std::optional<int64_t> to_int(const Value& from, std::string_view text) {
    if (from.kind() == ValueKind::kInt) {
        return from.as_int();
    }
    if (from.kind() == ValueKind::kBool) {
        return from.as_bool() ? 1 : 0;
    }
    if (from.kind() == ValueKind::kDouble) {
        return whole(from.as_double());
    }
    if (const auto value = number<int64_t>(text)) {
        return value;
    }
    const auto value = finite(text);
    return value ? whole(*value) : std::nullopt;
}

std::optional<bool> to_bool(std::string_view text) {
    std::array<char, 5> small{};
    if (text.empty() || text.size() > small.size()) {
        return std::nullopt;
    }
    std::ranges::transform(text, small.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    const std::string_view word(small.data(), text.size());
    if (word == "true" || word == "yes" || word == "on" || word == "1") {
        return true;
    }
    if (word == "false" || word == "no" || word == "off" || word == "0") {
        return false;
    }
    return std::nullopt;
}

/// Nanoseconds of what a number since 1970 counts, by its size.
int64_t unit_of(int64_t value) {
    const uint64_t size =
        value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
    return size < 100'000'000'000           ? 1'000'000'000
           : size < 100'000'000'000'000     ? 1'000'000
           : size < 100'000'000'000'000'000 ? 1000
                                            : 1;
}

/// "1700000000", "1700000000.25": exactly, as a double could not.
std::optional<UnixNanos> time_from_decimal(std::string_view text) {
    const size_t point = text.find('.');
    const auto whole_part = number<int64_t>(text.substr(0, point));
    if (!whole_part) {
        return std::nullopt;
    }
    const int64_t unit = unit_of(*whole_part);
    int64_t ns = 0;
    if (__builtin_mul_overflow(*whole_part, unit, &ns)) {
        return std::nullopt;
    }
    int64_t fraction_ns = 0;
    int64_t place = unit;
    for (const char c : point == std::string_view::npos ? "" : text.substr(point + 1)) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        place /= 10;
        fraction_ns += place * (c - '0');
    }
    if (__builtin_add_overflow(ns, text.starts_with('-') ? -fraction_ns : fraction_ns, &ns)) {
        return std::nullopt;
    }
    return UnixNanos{ns};
}

template <class T, class Make>
bool put(const std::optional<T>& value, Value& out, Make make) {
    if (value) {
        out = make(*value);
    }
    return value.has_value();
}

}  // namespace

std::optional<ConvertTo> convert_target(std::string_view name) {
    const auto* at = std::ranges::find(kNames, name, [](const auto& pair) { return pair.first; });
    return at == kNames.end() ? std::nullopt : std::optional(at->second);
}

std::string_view to_string(ConvertTo to) {
    return std::ranges::find(kNames, to, [](const auto& pair) { return pair.second; })->first;
}

std::optional<UnixNanos> time_from_text(std::string_view text) {
    if (const auto time = time_from_decimal(text)) {
        return time;
    }
    const auto parsed = config::parse_time(text);
    return parsed ? std::optional(*parsed) : std::nullopt;
}

bool convert(const Value& from, ConvertTo to, Arena& arena, std::string& scratch, Value& out) {
    const std::string_view text = trimmed(value_text(from, scratch));
    const bool is_number = from.kind() == ValueKind::kInt || from.kind() == ValueKind::kDouble;
    switch (to) {
        case ConvertTo::kInt:
            return put(to_int(from, text), out, Value::integer);
        case ConvertTo::kDouble:
            if (from.kind() == ValueKind::kDouble) {
                return put(std::optional(from.as_double()), out, Value::real);
            }
            return put(finite(text), out, Value::real);
        case ConvertTo::kBool:
            return put(to_bool(text), out, Value::boolean);
        case ConvertTo::kString: {
            const std::string_view whole_text = value_text(from, scratch);
            const bool is_text = from.kind() == ValueKind::kString ||
                                 from.kind() == ValueKind::kBytes ||
                                 from.kind() == ValueKind::kNumberText;
            out = Value::string(is_text ? whole_text : arena.copy(whole_text));
            return true;
        }
        case ConvertTo::kDuration: {
            if (const auto seconds = finite(text); seconds && (is_number || text != "0")) {
                out = Value::real(*seconds);
                return true;
            }
            const auto ns = logql::parse_duration_ns(text, true);
            return put(ns, out, [](int64_t n) {
                return Value::real(static_cast<double>(n) / 1e9);
            });
        }
        case ConvertTo::kBytes: {
            const auto bytes = logql::parse_byte_size(text);
            if (!bytes || *bytes > static_cast<uint64_t>(INT64_MAX)) {
                return false;
            }
            out = Value::integer(static_cast<int64_t>(*bytes));
            return true;
        }
        case ConvertTo::kTime:
            return put(time_from_text(text), out, [&](UnixNanos time) {
                return Value::string(arena.copy(to_rfc3339(time)));
            });
    }
    return false;
}

}  // namespace seyir::plugins
