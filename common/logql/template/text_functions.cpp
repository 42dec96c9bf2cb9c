// SPDX-License-Identifier: Apache-2.0
// lower, replace, trim, substr, alignLeft, urlencode, b64enc, regexReplaceAll, ...
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "common/base/base64.hpp"
#include "common/base/text.hpp"
#include "common/logql/template/functions.hpp"
#include "common/logql/template/runes.hpp"
#include "common/logql/text/search.hpp"

namespace seyir::logql::tmpl {
namespace {

constexpr std::string_view kSpaces = " \t\n\v\f\r";

std::string_view str(const Value& value) {
    return std::get<std::string_view>(value);
}

int64_t num(const Value& value) {
    return std::get<int64_t>(value);
}

template <void (*kAppend)(std::string&, std::string_view)>
Result<Value> changed_case(Scope& scope, Arguments args) {
    std::string out;
    kAppend(out, str(args[0]));
    return scope.text(out);
}

// --- trimming; sprig has the text last, Go's functions first ---

bool in_set(std::string_view set, std::string_view character) {
    return find(set, character) != std::string_view::npos;
}

std::string_view trim_left(std::string_view text, std::string_view set) {
    while (!text.empty() && in_set(set, text.substr(0, rune_size(text)))) {
        text.remove_prefix(rune_size(text));
    }
    return text;
}

std::string_view trim_right(std::string_view text, std::string_view set) {
    while (!text.empty()) {
        size_t begin = text.size() - 1;
        while (begin > 0 && (static_cast<uint8_t>(text[begin]) & 0xc0) == 0x80) {
            --begin;
        }
        if (!in_set(set, text.substr(begin))) {
            break;
        }
        text.remove_suffix(text.size() - begin);
    }
    return text;
}

std::string_view trim_both(std::string_view text, std::string_view set) {
    return trim_right(trim_left(text, set), set);
}

std::string_view cut_prefix(std::string_view text, std::string_view prefix) {
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

std::string_view cut_suffix(std::string_view text, std::string_view suffix) {
    return text.ends_with(suffix) ? text.substr(0, text.size() - suffix.size()) : text;
}

using Cut = std::string_view (*)(std::string_view, std::string_view);

template <Cut kCut, bool kTextLast>
Result<Value> cut(Scope&, Arguments args) {
    return Value(kTextLast ? kCut(str(args[1]), str(args[0])) : kCut(str(args[0]), str(args[1])));
}

Result<Value> trim_space(Scope&, Arguments args) {
    return Value(trim_both(str(args[0]), kSpaces));
}

// --- replacing ---

/// strings.Replace: at most `limit` times, all when it is negative; an empty `from` is between all
/// characters.
Result<Value> replaced(
    Scope& scope, std::string_view text, std::string_view from, std::string_view to, int64_t limit
) {
    std::string out;
    size_t at = 0;
    while (limit != 0) {
        size_t found = 0;
        if (from.empty()) {
            found = at;
        } else {
            found = find(text.substr(at), from);
            if (found == std::string_view::npos) {
                break;
            }
            found += at;
        }
        out += text.substr(at, found - at);
        out += to;
        at = found + from.size();
        if (from.empty()) {
            if (at == text.size()) {
                break;
            }
            const size_t size = rune_size(text.substr(at));
            out += text.substr(at, size);
            at += size;
        }
        SEYIR_CHECK(scope.take_steps(1));
        if (out.size() > kRenderedBytesMax) {
            return scope.take_bytes(out.size()).error();
        }
        limit -= limit > 0 ? 1 : 0;
    }
    out += text.substr(at);
    return scope.text(out);
}

Result<Value> go_replace(Scope& scope, Arguments args) {
    return replaced(scope, str(args[0]), str(args[1]), str(args[2]), num(args[3]));
}

Result<Value> sprig_replace(Scope& scope, Arguments args) {
    return replaced(scope, str(args[2]), str(args[0]), str(args[1]), -1);
}

Result<Value> repeat(Scope& scope, Arguments args) {
    const int64_t times = num(args[0]);
    const std::string_view text = str(args[1]);
    if (times < 0) {
        return template_error("strings: negative Repeat count");
    }
    if (text.empty()) {
        return Value(text);
    }
    const auto count = static_cast<uint64_t>(times);
    if (count > kRenderedBytesMax / text.size()) {
        return scope.take_bytes(kRenderedBytesMax + 1).error();
    }
    std::string out;
    for (uint64_t i = 0; i < count; ++i) {
        out += text;
    }
    return scope.text(out);
}

// --- pieces ---

Result<Value> trunc(Scope&, Arguments args) {
    const int64_t wanted = num(args[0]);
    const std::string_view text = str(args[1]);
    const auto size = static_cast<int64_t>(count_runes(text));
    if (wanted < 0 && wanted > -size) {
        return Value(text.substr(rune_offset(text, static_cast<size_t>(size + wanted))));
    }
    if (wanted >= 0 && size > wanted) {
        return Value(text.substr(0, rune_offset(text, static_cast<size_t>(wanted))));
    }
    return Value(text);
}

Result<Value> substr(Scope&, Arguments args) {
    const std::string_view text = str(args[2]);
    const auto size = static_cast<int64_t>(count_runes(text));
    const int64_t begin = std::min(num(args[0]), size);
    const int64_t end = std::min(num(args[1]), size);
    if (begin < 0) {
        return Value(
            end < 0 ? std::string_view()
                    : text.substr(0, rune_offset(text, static_cast<size_t>(end)))
        );
    }
    const size_t from = rune_offset(text, static_cast<size_t>(begin));
    if (end < 0) {
        return Value(text.substr(from));
    }
    if (begin > end) {
        return Value(std::string_view());
    }
    return Value(text.substr(from, rune_offset(text, static_cast<size_t>(end)) - from));
}

template <bool kLeft>
Result<Value> align(Scope& scope, Arguments args) {
    const int64_t width = num(args[0]);
    const std::string_view text = str(args[1]);
    const auto size = static_cast<int64_t>(count_runes(text));
    if (width < 0 || width == size) {
        return Value(text);
    }
    if (width < size) {
        const size_t cut_at = rune_offset(text, static_cast<size_t>(kLeft ? width : size - width));
        return Value(kLeft ? text.substr(0, cut_at) : text.substr(cut_at));
    }
    SEYIR_CHECK(scope.take_bytes(static_cast<size_t>(std::min<int64_t>(width, kRenderedBytesMax + 1)
    )));
    const std::string pad(static_cast<size_t>(width - size), ' ');
    return Value(
        kLeft ? scope.row().scratch().join(text, pad) : scope.row().scratch().join(pad, text)
    );
}

template <bool kNewLine>
Result<Value> indent(Scope& scope, Arguments args) {
    const int64_t spaces = num(args[0]);
    const std::string_view text = str(args[1]);
    if (spaces < 0) {
        return template_error("strings: negative Repeat count");
    }
    const auto lines = static_cast<size_t>(std::ranges::count(text, '\n')) + 1;
    if (static_cast<uint64_t>(spaces) > kRenderedBytesMax / lines) {
        return scope.take_bytes(kRenderedBytesMax + 1).error();
    }
    const std::string pad(static_cast<size_t>(spaces), ' ');
    std::string out = kNewLine ? "\n" + pad : pad;
    for (const char c : text) {
        out += c;
        if (c == '\n') {
            out += pad;
        }
    }
    return scope.text(out);
}

Result<Value> contains_text(Scope&, Arguments args) {
    return Value(contains(str(args[1]), str(args[0])));
}

Result<Value> has_prefix(Scope&, Arguments args) {
    return Value(str(args[1]).starts_with(str(args[0])));
}

Result<Value> has_suffix(Scope&, Arguments args) {
    return Value(str(args[1]).ends_with(str(args[0])));
}

// --- encodings ---

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Result<Value> url_encode(Scope& scope, Arguments args) {
    std::string out;
    for (const char c : str(args[0])) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
        if (plain) {
            out += c;
        } else if (c == ' ') {
            out += '+';
        } else {
            fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<uint8_t>(c));
        }
    }
    return scope.text(out);
}

Result<Value> url_decode(Scope& scope, Arguments args) {
    const std::string_view text = str(args[0]);
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i] == '+' ? ' ' : text[i];
            continue;
        }
        const int first = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int second = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        if (first < 0 || second < 0) {
            return template_error(
                fmt::format("invalid URL escape {}", json_quote(text.substr(i, 3)))
            );
        }
        out += static_cast<char>(first * 16 + second);
        i += 2;
    }
    return scope.text(out);
}

Result<Value> base64_encode(Scope& scope, Arguments args) {
    std::string out;
    append_base64(out, str(args[0]));
    return scope.text(out);
}

/// What cannot be decoded gives the words of the error as text, as sprig does.
Result<Value> base64_decode(Scope& scope, Arguments args) {
    std::string text(str(args[0]));
    std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
    const auto decoded = decode_base64(text);
    return scope.text(decoded ? *decoded : std::string("illegal base64 data"));
}

constexpr std::array kTextFunctions{
    Function{"ToLower", "s", changed_case<append_lower>},
    Function{"ToUpper", "s", changed_case<append_upper>},
    Function{"lower", "s", changed_case<append_lower>},
    Function{"upper", "s", changed_case<append_upper>},
    Function{"title", "s", changed_case<append_title>},
    Function{"Replace", "sssi", go_replace},
    Function{"replace", "sss", sprig_replace},
    Function{"Trim", "ss", cut<trim_both, false>},
    Function{"TrimLeft", "ss", cut<trim_left, false>},
    Function{"TrimRight", "ss", cut<trim_right, false>},
    Function{"TrimPrefix", "ss", cut<cut_prefix, false>},
    Function{"TrimSuffix", "ss", cut<cut_suffix, false>},
    Function{"TrimSpace", "s", trim_space},
    Function{"trim", "s", trim_space},
    Function{"trimAll", "ss", cut<trim_both, true>},
    Function{"trimPrefix", "ss", cut<cut_prefix, true>},
    Function{"trimSuffix", "ss", cut<cut_suffix, true>},
    Function{"repeat", "is", repeat},
    Function{"trunc", "is", trunc},
    Function{"substr", "iis", substr},
    Function{"alignLeft", "is", align<true>},
    Function{"alignRight", "is", align<false>},
    Function{"indent", "is", indent<false>},
    Function{"nindent", "is", indent<true>},
    Function{"contains", "ss", contains_text},
    Function{"hasPrefix", "ss", has_prefix},
    Function{"hasSuffix", "ss", has_suffix},
    Function{"urlencode", "s", url_encode},
    Function{"urldecode", "s", url_decode},
    Function{"urlquery", "s", url_encode},
    Function{"b64enc", "s", base64_encode},
    Function{"b64dec", "s", base64_decode},
};

// --- regular expressions ---

/// Calls fn for each match, as Go's ReplaceAll finds them: no empty match right behind another.
template <class Fn>
Result<void> for_each_match(Scope& scope, const Regex& regex, std::string_view text, Fn fn) {
    std::vector<std::string_view> groups;
    size_t at = 0;
    const char* last_end = nullptr;
    while (at <= text.size()) {
        SEYIR_CHECK(scope.take_steps(1));
        if (!regex.find_from(text, at, groups)) {
            break;
        }
        const auto begin = static_cast<size_t>(groups[0].data() - text.data());
        const size_t end = begin + groups[0].size();
        if (!groups[0].empty() || groups[0].data() != last_end) {
            SEYIR_CHECK(fn(groups, begin, end));
        }
        last_end = text.data() + end;
        if (end > at) {
            at = end;
        } else {
            at += at < text.size() ? rune_size(text.substr(at)) : 1;
        }
    }
    return {};
}

template <bool kLiteral>
Result<Value> regex_replace(Scope& scope, const Regex& regex, Arguments args) {
    const std::string_view text = str(args[1]);
    const std::string_view with = str(args[2]);
    std::string out;
    size_t copied = 0;
    const auto replace = [&](const auto& groups, size_t begin, size_t end) -> Result<void> {
        out += text.substr(copied, begin - copied);
        if (kLiteral) {
            out += with;
        } else {
            out += expand_template(with, groups, regex.group_names());
        }
        copied = end;
        if (out.size() > kRenderedBytesMax) {
            return scope.take_bytes(out.size());
        }
        return {};
    };
    SEYIR_CHECK(for_each_match(scope, regex, text, replace));
    out += text.substr(copied);
    return scope.text(out);
}

Result<Value> count_matches(Scope& scope, const Regex& regex, Arguments args) {
    int64_t count = 0;
    const auto add = [&](const auto&, size_t, size_t) -> Result<void> {
        ++count;
        return {};
    };
    SEYIR_CHECK(for_each_match(scope, regex, str(args[1]), add));
    return Value(count);
}

constexpr std::array kRegexFunctions{
    Function{"regexReplaceAll", "sss", nullptr, regex_replace<false>},
    Function{"regexReplaceAllLiteral", "sss", nullptr, regex_replace<true>},
    Function{"count", "ss", nullptr, count_matches},
};

}  // namespace

std::span<const Function> text_functions() {
    return kTextFunctions;
}

std::span<const Function> regex_functions() {
    return kRegexFunctions;
}

}  // namespace seyir::logql::tmpl
