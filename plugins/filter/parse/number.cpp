// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/number.hpp"

#include <charconv>
#include <cmath>

namespace seyir::plugins::parse {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/// What was read of a number's text.
struct Digits {
    uint64_t mantissa = 0;  ///< of the first 19 digits
    int count = 0;          ///< significant ones, as far as they were looked at
    int fraction = 0;       ///< digits behind the point

    void take(const char*& at, const char* end) {
        while (at < end && is_digit(*at)) {
            if (count < 19) {
                mantissa = mantissa * 10 + static_cast<uint64_t>(*at - '0');
            }
            count += count != 0 || *at != '0' ? 1 : 0;
            ++at;
        }
    }
};

/// -1 where no digit follows.
int take_exponent(const char*& at, const char* end) {
    const bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+') ? 1 : 0;
    if (at == end || !is_digit(*at)) {
        return -10000;
    }
    int exponent = 0;
    while (at < end && is_digit(*at)) {
        exponent = exponent < 5000 ? exponent * 10 + (*at - '0') : exponent;
        ++at;
    }
    return negative ? -exponent : exponent;
}

Value slow_number(std::string_view text, bool is_integer) {
    if (is_integer) {
        int64_t integer = 0;
        const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), integer);
        return error == std::errc() ? Value::integer(integer) : Value::number_text(text);
    }
    double real = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), real);
    return error == std::errc() && std::isfinite(real) ? Value::real(real)
                                                       : Value::number_text(text);
}

}  // namespace

bool take_json_number(const char*& at, const char* end, Value& value) {
    const char* const begin = at;
    const char* p = at;
    const bool negative = p < end && *p == '-';
    p += negative ? 1 : 0;
    if (p == end || !is_digit(*p)) {
        return false;
    }
    Digits digits;
    if (*p == '0') {
        ++p;
        if (p < end && is_digit(*p)) {
            return false;  // no leading zeros
        }
    } else {
        digits.take(p, end);
    }
    bool is_integer = true;
    if (p < end && *p == '.') {
        is_integer = false;
        const char* const point = ++p;
        digits.take(p, end);
        digits.fraction = static_cast<int>(p - point);
        if (digits.fraction == 0) {
            return false;
        }
    }
    int exponent = 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        is_integer = false;
        exponent = take_exponent(++p, end);
        if (exponent == -10000) {
            return false;
        }
    }
    at = p;
    if (is_integer && digits.count <= 18 && !(negative && digits.mantissa == 0)) {
        const auto integer = static_cast<int64_t>(digits.mantissa);
        value = Value::integer(negative ? -integer : integer);
        return true;
    }
    // Clinger: both are exact in a double, so one operation rounds once.
    const int scale = exponent - digits.fraction;
    if (digits.count <= 15 && scale >= -22 && scale <= 22) {
        const auto whole = static_cast<double>(digits.mantissa);
        const double real = scale < 0 ? whole / kPowersOfTen[-scale] : whole * kPowersOfTen[scale];
        value = Value::real(negative ? -real : real);
        return true;
    }
    value = slow_number({begin, static_cast<size_t>(p - begin)}, is_integer);
    return true;
}

std::optional<int64_t> parse_int(std::string_view text) {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-')) {
            return std::nullopt;
        }
    }
    int64_t value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || rest != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<double> parse_float(std::string_view text) {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
    }
    double value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || rest != text.data() + text.size() || !std::isfinite(value)) {
        return std::nullopt;
    }
    return value;
}

std::optional<uint64_t> parse_digits(std::string_view text) {
    uint64_t value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || rest != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

}  // namespace seyir::plugins::parse
