// SPDX-License-Identifier: Apache-2.0
#include "common/logql/text/quantity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "common/base/text.hpp"

namespace seyir::logql {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

struct Unit {
    std::string_view name;
    double factor;
};

constexpr double kSecond = 1e9;

// Longest names first: "ms" must not be read as "m".
constexpr std::array kGoUnits{
    Unit{"ns", 1},
    Unit{"us", 1e3},
    Unit{"\u00b5s", 1e3},
    Unit{"\u03bcs", 1e3},
    Unit{"ms", 1e6},
    Unit{"s", kSecond},
    Unit{"m", 60 * kSecond},
    Unit{"h", 3600 * kSecond},
};
constexpr std::array kLongUnits{
    Unit{"d", 86'400 * kSecond},
    Unit{"w", 7 * 86'400 * kSecond},
    Unit{"y", 365 * 86'400 * kSecond},
};

template <size_t kCount>
const Unit* find_unit(const std::array<Unit, kCount>& units, std::string_view name) {
    const auto at = std::ranges::find(units, name, &Unit::name);
    return at == units.end() ? nullptr : &*at;
}

/// The digits and dots at the front; nothing when they are no number.
std::optional<double> take_decimal(std::string_view& text) {
    size_t end = 0;
    while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) {
        ++end;
    }
    double value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + end, value);
    if (error != std::errc() || rest != text.data() + end) {
        return std::nullopt;
    }
    text.remove_prefix(end);
    return value;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-') || text.starts_with('+')) {
            return std::nullopt;
        }
    }
    const bool negative = text.starts_with('-');
    std::string_view digits = text.substr(negative ? 1 : 0);
    auto format = std::chars_format::general;
    if (digits.starts_with("0x") || digits.starts_with("0X")) {
        // Go's hexadecimal floats always have their binary exponent.
        digits.remove_prefix(2);
        format = std::chars_format::hex;
        if (digits.find_first_of("pP") == std::string_view::npos || digits.starts_with('-')) {
            return std::nullopt;
        }
    } else if (digits.starts_with('-')) {
        return std::nullopt;
    }
    double value = 0;
    const char* end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, value, format);
    if (rest != end || digits.empty() || error == std::errc::invalid_argument) {
        return std::nullopt;
    }
    if (error == std::errc::result_out_of_range) {
        return std::nullopt;
    }
    return negative ? -value : value;
}

std::optional<int64_t> parse_duration_ns(std::string_view text, bool long_units) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    if (text == "0") {
        return 0;
    }
    if (text.empty()) {
        return std::nullopt;
    }
    double total = 0;
    while (!text.empty()) {
        const auto number = take_decimal(text);
        if (!number) {
            return std::nullopt;
        }
        size_t length = 0;
        while (length < text.size() && !is_digit(text[length]) && text[length] != '.') {
            ++length;
        }
        const std::string_view name = text.substr(0, length);
        const Unit* unit = find_unit(kGoUnits, name);
        if (unit == nullptr && long_units) {
            unit = find_unit(kLongUnits, name);
        }
        if (unit == nullptr) {
            return std::nullopt;
        }
        total += *number * unit->factor;
        text.remove_prefix(length);
    }
    if (total >= 9.2e18) {
        return std::nullopt;
    }
    const auto ns = static_cast<int64_t>(std::llround(total));
    return negative ? -ns : ns;
}

std::optional<uint64_t> parse_byte_size(std::string_view text) {
    while (text.ends_with(' ')) {
        text.remove_suffix(1);
    }
    // Thousands separators are allowed and ignored, as go-humanize does.
    std::string digits;
    size_t end = 0;
    while (end < text.size() && (is_digit(text[end]) || text[end] == '.' || text[end] == ',')) {
        if (text[end] != ',') {
            digits += text[end];
        }
        ++end;
    }
    std::string_view number_text = digits;
    const auto number = take_decimal(number_text);
    if (!number || !number_text.empty()) {
        return std::nullopt;
    }
    std::string unit(text.substr(end));
    while (unit.starts_with(' ')) {
        unit.erase(0, 1);
    }
    std::ranges::transform(unit, unit.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    });
    double factor = 1;
    if (!unit.empty() && unit != "b") {
        constexpr std::string_view kPrefixes = "kmgtpe";
        const size_t power = kPrefixes.find(unit.front());
        const std::string_view rest = std::string_view(unit).substr(1);
        if (power == std::string_view::npos ||
            (rest != "" && rest != "b" && rest != "i" && rest != "ib")) {
            return std::nullopt;
        }
        factor = std::pow(rest.starts_with('i') ? 1024.0 : 1000.0, static_cast<double>(power + 1));
    }
    const double bytes = *number * factor;
    if (bytes >= 1.8e19) {
        return std::nullopt;
    }
    return static_cast<uint64_t>(bytes);
}

std::string number_error(std::string_view text) {
    return fmt::format("strconv.ParseFloat: parsing {}: invalid syntax", json_quote(text));
}

std::string duration_error(std::string_view text) {
    const std::string quoted = json_quote(text);
    std::string_view rest = text;
    rest.remove_prefix(rest.starts_with('-') || rest.starts_with('+') ? 1 : 0);
    while (!rest.empty() && take_decimal(rest)) {
        size_t length = 0;
        while (length < rest.size() && !is_digit(rest[length]) && rest[length] != '.') {
            ++length;
        }
        if (length == 0) {
            return fmt::format("time: missing unit in duration {}", quoted);
        }
        const std::string_view unit = rest.substr(0, length);
        if (find_unit(kGoUnits, unit) == nullptr) {
            return fmt::format("time: unknown unit {} in duration {}", json_quote(unit), quoted);
        }
        rest.remove_prefix(length);
    }
    return fmt::format("time: invalid duration {}", quoted);
}

std::string byte_size_error(std::string_view text) {
    const size_t end = std::min(text.find_first_not_of("0123456789.,"), text.size());
    std::string digits(text.substr(0, end));
    std::erase(digits, ',');
    std::string_view number = digits;
    if (!take_decimal(number) || !number.empty()) {
        return number_error(digits);
    }
    std::string unit(text.substr(end));
    unit.erase(0, std::min(unit.find_first_not_of(' '), unit.size()));
    std::ranges::transform(unit, unit.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    });
    return fmt::format("unhandled size name: {}", unit);
}

std::string format_sample(double value) {
    if (std::isnan(value)) {
        return "NaN";
    }
    if (std::isinf(value)) {
        return value > 0 ? "+Inf" : "-Inf";
    }
    std::array<char, 400> buffer;
    const auto [end, error] = std::to_chars(
        buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed
    );
    return {buffer.data(), end};
}

}  // namespace seyir::logql
