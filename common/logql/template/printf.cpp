// SPDX-License-Identifier: Apache-2.0
#include "common/logql/template/printf.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/logql/template/runes.hpp"

namespace seyir::logql::tmpl {
namespace {

constexpr int kWidthMax = 10'000;

struct Verb {
    bool minus = false, plus = false, sharp = false, zero = false, space = false;
    int width = -1;
    int precision = -1;
    char letter = 0;
};

/// Reads what stands behind a %; `at` ends behind the letter.
Verb read_verb(std::string_view format, size_t& at) {
    Verb verb;
    for (; at < format.size(); ++at) {
        switch (format[at]) {
            case '-':
                verb.minus = true;
                continue;
            case '+':
                verb.plus = true;
                continue;
            case '#':
                verb.sharp = true;
                continue;
            case '0':
                verb.zero = true;
                continue;
            case ' ':
                verb.space = true;
                continue;
            default:
                break;
        }
        break;
    }
    const auto number = [&] {
        int value = 0;
        for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at) {
            value = std::min(value * 10 + (format[at] - '0'), kWidthMax);
        }
        return value;
    };
    if (at < format.size() && format[at] >= '1' && format[at] <= '9') {
        verb.width = number();
    }
    if (at < format.size() && format[at] == '.') {
        ++at;
        verb.precision = number();
    }
    if (at < format.size()) {
        verb.letter = format[at++];
    }
    return verb;
}

void append_padded(std::string& out, std::string_view text, const Verb& verb, bool is_number) {
    const auto size = static_cast<int>(count_runes(text));
    const auto pad = static_cast<size_t>(std::max(0, verb.width - size));
    if (verb.minus) {
        out += text;
        out.append(pad, ' ');
    } else if (verb.zero && is_number) {
        const bool sign = text.starts_with('-') || text.starts_with('+');
        out += text.substr(0, sign ? 1 : 0);
        out.append(pad, '0');
        out += text.substr(sign ? 1 : 0);
    } else {
        out.append(pad, ' ');
        out += text;
    }
}

std::string with_sign(std::string text, const Verb& verb) {
    if (!text.starts_with('-')) {
        text.insert(0, verb.plus ? "+" : verb.space ? " " : "");
    }
    return text;
}

std::optional<std::string> integer_text(int64_t value, const Verb& verb) {
    switch (verb.letter) {
        case 'v':
        case 'd':
            return with_sign(fmt::format("{}", value), verb);
        case 'x':
            return with_sign(fmt::format(fmt::runtime(verb.sharp ? "{:#x}" : "{:x}"), value), verb);
        case 'X':
            return with_sign(fmt::format(fmt::runtime(verb.sharp ? "{:#X}" : "{:X}"), value), verb);
        case 'o':
            return with_sign(fmt::format(fmt::runtime(verb.sharp ? "{:#o}" : "{:o}"), value), verb);
        case 'b':
            return with_sign(fmt::format("{:b}", value), verb);
        case 'U':
            return fmt::format("U+{:04X}", value);
        case 'c':
            return value >= 0x20 && value < 0x7f ? std::string(1, static_cast<char>(value))
                                                 : std::string("\xef\xbf\xbd");
        default:
            return std::nullopt;
    }
}

std::optional<std::string> float_text(double value, const Verb& verb) {
    const int precision = verb.precision;
    switch (verb.letter) {
        case 'v': {
            std::string text;
            append_float(text, value);
            return with_sign(std::move(text), verb);
        }
        case 'g':
            if (precision < 0) {
                std::string text;
                append_float(text, value);
                return with_sign(std::move(text), verb);
            }
            return with_sign(fmt::format("{:.{}g}", value, precision), verb);
        case 'f':
        case 'F':
            return with_sign(fmt::format("{:.{}f}", value, precision < 0 ? 6 : precision), verb);
        case 'e':
            return with_sign(fmt::format("{:.{}e}", value, precision < 0 ? 6 : precision), verb);
        case 'E':
            return with_sign(fmt::format("{:.{}E}", value, precision < 0 ? 6 : precision), verb);
        default:
            return std::nullopt;
    }
}

std::optional<std::string> string_text(std::string_view value, const Verb& verb) {
    std::string out;
    switch (verb.letter) {
        case 'v':
        case 's':
            if (verb.precision >= 0) {
                value = value.substr(0, rune_offset(value, static_cast<size_t>(verb.precision)));
            }
            return std::string(value);
        case 'q':
            return json_quote(value);
        case 'x':
        case 'X':
            for (const char c : value) {
                fmt::format_to(
                    std::back_inserter(out),
                    fmt::runtime(verb.letter == 'x' ? "{:02x}" : "{:02X}"),
                    static_cast<uint8_t>(c)
                );
            }
            return out;
        default:
            return std::nullopt;
    }
}

std::optional<std::string> value_text(Scope& scope, const Value& value, const Verb& verb) {
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        return string_text(*text, verb);
    }
    if (const auto* integer = std::get_if<int64_t>(&value)) {
        return integer_text(*integer, verb);
    }
    if (const auto* number = std::get_if<double>(&value)) {
        return float_text(*number, verb);
    }
    const bool is_bool = std::holds_alternative<bool>(value);
    if (verb.letter != 'v' && !(is_bool && verb.letter == 't') && (is_bool || verb.letter != 's')) {
        return std::nullopt;
    }
    std::string out;
    append_shown(out, scope, value);
    return out;
}

void append_verb(std::string& out, Scope& scope, const Verb& verb, const Value& value) {
    if (verb.letter == 'T') {
        append_padded(out, type_name(value), verb, false);
        return;
    }
    if (const auto text = value_text(scope, value, verb)) {
        const bool number =
            std::holds_alternative<int64_t>(value) || std::holds_alternative<double>(value);
        append_padded(out, *text, verb, number);
        return;
    }
    fmt::format_to(std::back_inserter(out), "%!{}({}=", verb.letter, type_name(value));
    append_shown(out, scope, value);
    out += ')';
}

}  // namespace

Value labels_map(ScratchRow& row) {
    auto map = std::make_shared<Map>();
    row.for_each_label([&](const Label& label) {
        map->members.emplace_back(label.name, label.value);
    });
    std::ranges::sort(map->members, {}, [](const auto& member) { return member.first; });
    return Value(std::shared_ptr<const Map>(std::move(map)));
}

void append_shown(std::string& out, Scope& scope, const Value& value) {
    if (std::holds_alternative<Labels>(value)) {
        append_text(out, labels_map(scope.row()));
    } else {
        append_text(out, value);
    }
}

Result<std::string> format_printf(Scope& scope, std::string_view format, Arguments args) {
    std::string out;
    size_t used = 0;
    for (size_t at = 0; at < format.size();) {
        const size_t percent = std::min(format.find('%', at), format.size());
        out += format.substr(at, percent - at);
        if (percent == format.size()) {
            break;
        }
        at = percent + 1;
        const Verb verb = read_verb(format, at);
        if (verb.letter == 0) {
            out += "%!(NOVERB)";
        } else if (verb.letter == '%') {
            out += '%';
        } else if (used == args.size()) {
            fmt::format_to(std::back_inserter(out), "%!{}(MISSING)", verb.letter);
        } else {
            append_verb(out, scope, verb, args[used++]);
        }
        SEYIR_CHECK(scope.take_steps(1));
        if (out.size() > kRenderedBytesMax) {
            return scope.take_bytes(out.size()).error();
        }
    }
    if (used < args.size()) {
        out += "%!(EXTRA ";
        for (size_t i = used; i < args.size(); ++i) {
            out += i == used ? "" : ", ";
            out += type_name(args[i]);
            out += '=';
            append_shown(out, scope, args[i]);
        }
        out += ')';
    }
    return out;
}

}  // namespace seyir::logql::tmpl
