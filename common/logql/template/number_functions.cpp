// SPDX-License-Identifier: Apache-2.0
// int, add, divf, round, bytes, duration, ...
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/logql/template/functions.hpp"
#include "common/logql/text/quantity.hpp"

namespace seyir::logql::tmpl {
namespace {

Result<Value> as_int(Scope&, Arguments args) {
    return Value(to_int(args[0]));
}

Result<Value> as_float(Scope&, Arguments args) {
    return Value(to_float(args[0]));
}

// --- whole numbers; they wrap around as Go's do ---

int64_t wrapped(uint64_t value) {
    return static_cast<int64_t>(value);
}

Result<Value> add(Scope&, Arguments args) {
    uint64_t sum = 0;
    for (const Value& arg : args) {
        sum += static_cast<uint64_t>(to_int(arg));
    }
    return Value(wrapped(sum));
}

Result<Value> sub(Scope&, Arguments args) {
    return Value(
        wrapped(static_cast<uint64_t>(to_int(args[0])) - static_cast<uint64_t>(to_int(args[1])))
    );
}

Result<Value> mul(Scope&, Arguments args) {
    uint64_t product = 1;
    for (const Value& arg : args) {
        product *= static_cast<uint64_t>(to_int(arg));
    }
    return Value(wrapped(product));
}

template <bool kRemainder>
Result<Value> divide(Scope&, Arguments args) {
    const int64_t left = to_int(args[0]);
    const int64_t right = to_int(args[1]);
    if (right == 0) {
        return template_error("runtime error: integer divide by zero");
    }
    if (right == -1) {  // the smallest number has no opposite
        return Value(kRemainder ? int64_t{0} : wrapped(0 - static_cast<uint64_t>(left)));
    }
    return Value(kRemainder ? left % right : left / right);
}

template <bool kMax>
Result<Value> extreme(Scope&, Arguments args) {
    int64_t best = to_int(args[0]);
    for (const Value& arg : args) {
        best = kMax ? std::max(best, to_int(arg)) : std::min(best, to_int(arg));
    }
    return Value(best);
}

template <bool kMax>
Result<Value> extreme_float(Scope&, Arguments args) {
    double best = to_float(args[0]);
    for (const Value& arg : args) {
        best = kMax ? std::fmax(best, to_float(arg)) : std::fmin(best, to_float(arg));
    }
    return Value(best);
}

// --- decimals: 0.1 + 0.2 is 0.3, as with sprig's addf ---

struct Decimal {
    __int128 digits = 0;
    int exponent = 0;
};

constexpr __int128 kDigitsMax = static_cast<__int128>(1) << 120;

std::optional<Decimal> decimal_of(double value) {
    if (!std::isfinite(value)) {
        return std::nullopt;
    }
    std::array<char, 40> buffer;
    const auto [end, error] = std::to_chars(
        buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific
    );
    Decimal decimal;
    int after_point = 0;
    bool behind_point = false;
    const char* at = buffer.data();
    const bool negative = *at == '-';
    at += negative ? 1 : 0;
    for (; at != end && *at != 'e'; ++at) {
        if (*at == '.') {
            behind_point = true;
            continue;
        }
        decimal.digits = decimal.digits * 10 + (*at - '0');
        after_point += behind_point ? 1 : 0;
    }
    at += at != end && at[1] == '+' ? 2 : 1;
    std::from_chars(at, end, decimal.exponent);
    decimal.exponent -= after_point;
    decimal.digits = negative ? -decimal.digits : decimal.digits;
    return decimal;
}

double double_of(const Decimal& decimal) {
    __int128 digits = decimal.digits < 0 ? -decimal.digits : decimal.digits;
    std::string text;
    do {
        text += static_cast<char>('0' + static_cast<int>(digits % 10));
        digits /= 10;
    } while (digits > 0);
    std::ranges::reverse(text);
    text += fmt::format("e{}", decimal.exponent);
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return decimal.digits < 0 ? -value : value;
}

bool scale_to(Decimal& decimal, int exponent) {
    while (decimal.exponent > exponent) {
        if (decimal.digits > kDigitsMax || decimal.digits < -kDigitsMax) {
            return false;
        }
        decimal.digits *= 10;
        --decimal.exponent;
    }
    return true;
}

double add_exactly(double left, double right) {
    auto a = decimal_of(left);
    auto b = decimal_of(right);
    if (!a || !b || !scale_to(*a, b->exponent) || !scale_to(*b, a->exponent)) {
        return left + right;
    }
    return double_of({a->digits + b->digits, a->exponent});
}

double multiply_exactly(double left, double right) {
    const auto a = decimal_of(left);
    const auto b = decimal_of(right);
    if (!a || !b) {
        return left * right;
    }
    return double_of({a->digits * b->digits, a->exponent + b->exponent});
}

/// Sixteen digits behind the point are kept, as by the decimals sprig uses.
double divide_decimal(double left, double right) {
    const long double exact = static_cast<long double>(left) / right;
    constexpr long double kScale = 1e16L;
    return std::fabs(exact) < 100 ? static_cast<double>(std::round(exact * kScale) / kScale)
                                  : static_cast<double>(exact);
}

enum class FloatOp : uint8_t { kAdd, kSub, kMul, kDiv };

template <FloatOp kOp>
Result<Value> float_chain(Scope&, Arguments args) {
    double result = args.empty() ? 0 : to_float(args[0]);
    for (size_t i = 1; i < args.size(); ++i) {
        const double next = to_float(args[i]);
        if (kOp == FloatOp::kDiv && next == 0) {
            return template_error("decimal division by 0");
        }
        result = kOp == FloatOp::kAdd   ? add_exactly(result, next)
                 : kOp == FloatOp::kSub ? add_exactly(result, -next)
                 : kOp == FloatOp::kMul ? multiply_exactly(result, next)
                                        : divide_decimal(result, next);
    }
    return Value(result);
}

Result<Value> ceil_of(Scope&, Arguments args) {
    return Value(std::ceil(to_float(args[0])));
}

Result<Value> floor_of(Scope&, Arguments args) {
    return Value(std::floor(to_float(args[0])));
}

/// round VALUE PLACES [FROM]: up when the digit behind is FROM (0.5) or more.
Result<Value> round_of(Scope&, Arguments args) {
    const double threshold = args.size() > 2 ? to_float(args[2]) : 0.5;
    const double scale = std::pow(10, static_cast<double>(to_int(args[1])));
    const double scaled = scale * to_float(args[0]);
    double whole = 0;
    const double fraction = std::modf(scaled, &whole);
    return Value((fraction >= threshold ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

// --- quantities ---

Result<Value> bytes_of(Scope&, Arguments args) {
    const auto text = std::get<std::string_view>(args[0]);
    const auto bytes = parse_byte_size(text);
    if (!bytes) {
        return template_error(byte_size_error(text));
    }
    return Value(static_cast<double>(*bytes));
}

Result<Value> seconds_of(Scope&, Arguments args) {
    const auto text = std::get<std::string_view>(args[0]);
    const auto ns = parse_duration_ns(text);
    if (!ns) {
        return template_error(duration_error(text));
    }
    return Value(static_cast<double>(*ns) / 1e9);
}

constexpr std::array kFunctions{
    Function{"int", "a", as_int},
    Function{"float64", "a", as_float},
    Function{"add", "a*", add},
    Function{"sub", "aa", sub},
    Function{"mul", "aa*", mul},
    Function{"div", "aa", divide<false>},
    Function{"mod", "aa", divide<true>},
    Function{"max", "aa*", extreme<true>},
    Function{"min", "aa*", extreme<false>},
    Function{"maxf", "aa*", extreme_float<true>},
    Function{"minf", "aa*", extreme_float<false>},
    Function{"addf", "a*", float_chain<FloatOp::kAdd>},
    Function{"subf", "aa*", float_chain<FloatOp::kSub>},
    Function{"mulf", "aa*", float_chain<FloatOp::kMul>},
    Function{"divf", "aa*", float_chain<FloatOp::kDiv>},
    Function{"ceil", "a", ceil_of},
    Function{"floor", "a", floor_of},
    Function{"round", "aif?", round_of},
    Function{"bytes", "s", bytes_of},
    Function{"duration", "s", seconds_of},
    Function{"duration_seconds", "s", seconds_of},
};

}  // namespace

std::span<const Function> number_functions() {
    return kFunctions;
}

}  // namespace seyir::logql::tmpl
