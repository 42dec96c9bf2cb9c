// SPDX-License-Identifier: Apache-2.0
#include "common/logql/template/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "common/logql/template/go_time.hpp"
#include "common/logql/text/quantity.hpp"

namespace seyir::logql::tmpl {
namespace {

using ListPtr = std::shared_ptr<const List>;
using MapPtr = std::shared_ptr<const Map>;

/// strconv.ParseInt with base 0, after cutting ".000" as cast does.
int64_t parse_int(std::string_view text) {
    if (const size_t dot = text.find('.'); dot != std::string_view::npos) {
        const std::string_view fraction = text.substr(dot + 1);
        if (fraction.find_first_not_of('0') == std::string_view::npos) {
            text = text.substr(0, dot);
        }
    }
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    int base = 10;
    if (text.size() > 1 && text[0] == '0') {
        const char letter = static_cast<char>(text[1] | 0x20);
        base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
        text.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
    }
    uint64_t magnitude = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, magnitude, base);
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (error != std::errc() || rest != end || magnitude > kMax + (negative ? 1 : 0)) {
        return 0;
    }
    return static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
}

int64_t saturate(double value) {
    if (std::isnan(value)) {
        return 0;
    }
    constexpr double kLimit = 9.2e18;
    return value >= kLimit    ? std::numeric_limits<int64_t>::max()
           : value <= -kLimit ? std::numeric_limits<int64_t>::min()
                              : static_cast<int64_t>(value);
}

}  // namespace

const Value* Map::find(std::string_view key) const {
    const auto at =
        std::ranges::lower_bound(members, key, {}, [](const auto& member) { return member.first; });
    return at != members.end() && at->first == key ? &at->second : nullptr;
}

bool is_true(const Value& value) {
    if (const auto* flag = std::get_if<bool>(&value)) {
        return *flag;
    }
    if (const auto* number = std::get_if<int64_t>(&value)) {
        return *number != 0;
    }
    if (const auto* number = std::get_if<double>(&value)) {
        return *number != 0;
    }
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        return !text->empty();
    }
    if (const auto* list = std::get_if<ListPtr>(&value)) {
        return !(*list)->items.empty();
    }
    if (const auto* map = std::get_if<MapPtr>(&value)) {
        return !(*map)->members.empty();
    }
    return !value.is_nil();
}

std::string_view type_name(const Value& value) {
    constexpr std::array<std::string_view, 9> kNames{
        "nil",
        "bool",
        "int",
        "float64",
        "string",
        "time.Time",
        "[]interface {}",
        "map[string]interface {}",
        "map[string]string"
    };
    return kNames[value.index()];
}

void append_float(std::string& out, double value) {
    if (std::isnan(value) || std::isinf(value)) {
        out += format_sample(value);
        return;
    }
    // Shortest digits in exponent form, then laid out as %v does.
    std::array<char, 40> buffer;
    const auto [end, error] = std::to_chars(
        buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific
    );
    const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
    const size_t e = text.find('e');
    int exponent = 0;
    const size_t digits_at = e + (text[e + 1] == '+' ? 2 : 1);
    std::from_chars(text.data() + digits_at, end, exponent);
    if (exponent < -4 || exponent >= 21) {
        out += text;
        return;
    }
    out += format_sample(value);
}

namespace {

/// In a list or map nil is written another way.
void append_member(std::string& out, const Value& value) {
    if (value.is_nil()) {
        out += "<nil>";
    } else {
        append_text(out, value);
    }
}

}  // namespace

void append_text(std::string& out, const Value& value) {
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        out += *text;
    } else if (const auto* integer = std::get_if<int64_t>(&value)) {
        fmt::format_to(std::back_inserter(out), "{}", *integer);
    } else if (const auto* number = std::get_if<double>(&value)) {
        append_float(out, *number);
    } else if (const auto* flag = std::get_if<bool>(&value)) {
        out += *flag ? "true" : "false";
    } else if (const auto* moment = std::get_if<Moment>(&value)) {
        format_moment(out, *moment, "2006-01-02 15:04:05.999999999 -0700 MST");
    } else if (const auto* list = std::get_if<ListPtr>(&value)) {
        out += '[';
        for (size_t i = 0; i < (*list)->items.size(); ++i) {
            out += i == 0 ? "" : " ";
            append_member(out, (*list)->items[i]);
        }
        out += ']';
    } else if (const auto* map = std::get_if<MapPtr>(&value)) {
        out += "map[";
        bool first = true;
        for (const auto& [key, member] : (*map)->members) {
            out += first ? "" : " ";
            first = false;
            out += key;
            out += ':';
            append_member(out, member);
        }
        out += ']';
    } else {
        out += "<no value>";
    }
}

int64_t to_int(const Value& value) {
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        return parse_int(*text);
    }
    if (const auto* number = std::get_if<double>(&value)) {
        return saturate(*number);
    }
    if (const auto* integer = std::get_if<int64_t>(&value)) {
        return *integer;
    }
    const auto* flag = std::get_if<bool>(&value);
    return flag != nullptr && *flag ? 1 : 0;
}

double to_float(const Value& value) {
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        return parse_number(*text).value_or(0);
    }
    if (const auto* number = std::get_if<double>(&value)) {
        return *number;
    }
    return static_cast<double>(to_int(value));
}

std::optional<int> compare(const Value& left, const Value& right) {
    const auto order = [](const auto& a, const auto& b) { return a < b ? -1 : b < a ? 1 : 0; };
    if (left.index() != right.index()) {
        return std::nullopt;
    }
    if (const auto* text = std::get_if<std::string_view>(&left)) {
        return order(*text, std::get<std::string_view>(right));
    }
    if (const auto* integer = std::get_if<int64_t>(&left)) {
        return order(*integer, std::get<int64_t>(right));
    }
    if (const auto* number = std::get_if<double>(&left)) {
        return order(*number, std::get<double>(right));
    }
    return std::nullopt;
}

std::optional<bool> equal(const Value& left, const Value& right) {
    if (left.is_nil() || right.is_nil()) {
        return left.is_nil() && right.is_nil();
    }
    if (left.index() != right.index()) {
        return std::nullopt;
    }
    if (const auto* number = std::get_if<double>(&left)) {
        return *number == std::get<double>(right);
    }
    if (const auto* flag = std::get_if<bool>(&left)) {
        return *flag == std::get<bool>(right);
    }
    if (const auto* moment = std::get_if<Moment>(&left)) {
        return *moment == std::get<Moment>(right);
    }
    const auto order = compare(left, right);
    return order ? std::optional(*order == 0) : std::nullopt;
}

}  // namespace seyir::logql::tmpl
