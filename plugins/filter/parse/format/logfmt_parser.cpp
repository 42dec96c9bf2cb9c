// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/format/logfmt_parser.hpp"

#include <algorithm>

#include "plugins/filter/parse/format/escapes.hpp"
#include "plugins/filter/parse/format/text_cursor.hpp"

namespace seyir::plugins::parse {
namespace {

bool is_gap(char c) {
    return static_cast<unsigned char>(c) <= ' ';
}

/// `at` is on the opening quote; afterwards behind the closing one. False: it is not closed.
bool take_quoted(Slice text, size_t& at, Arena& arena, Slice& value) {
    const size_t begin = ++at;
    const char* const end = text.data() + text.size();
    while (at < text.size()) {
        at = static_cast<size_t>(find_special(text.data() + at, end) - text.data());
        if (at >= text.size() || text[at] == '"') {
            break;
        }
        at += text[at] == '\\' ? 2 : 1;
    }
    if (at >= text.size()) {
        return false;
    }
    value = decode_lenient(text.substr(begin, at - begin), arena);
    ++at;
    return true;
}

}  // namespace

std::optional<Miss> LogfmtParser::parse(Slice text, FieldWriter& out) {
    size_t at = 0;
    bool has_pair = false;
    const auto miss = [&](std::string_view message) { return Miss{"bad_logfmt", message, at}; };
    while (true) {
        while (at < text.size() && is_gap(text[at])) {
            ++at;
        }
        if (at == text.size()) {
            break;
        }
        const size_t begin = at;
        while (at < text.size() && !is_gap(text[at]) && text[at] != '=' && text[at] != '"') {
            ++at;
        }
        const Slice key = text.substr(begin, at - begin);
        if (key.empty()) {
            return miss("a key is expected");
        }
        if (at < text.size() && text[at] == '"') {
            return miss("a quote inside a key");
        }
        if (at == text.size() || text[at] != '=') {
            out.add(key, Value::boolean(true));
            continue;
        }
        has_pair = true;
        ++at;
        Slice value;
        if (at < text.size() && text[at] == '"') {
            const size_t quote = at;
            if (!take_quoted(text, at, out.arena(), value)) {
                at = quote;
                return miss("the value's quote is not closed");
            }
        } else {
            const size_t first = at;
            while (at < text.size() && !is_gap(text[at]) && text[at] != '"') {
                ++at;
            }
            if (at < text.size() && text[at] == '"') {
                return miss("a quote inside a value without quotes");
            }
            value = text.substr(first, at - first);
        }
        out.add_text(key, value);
    }
    at = 0;
    return has_pair ? std::nullopt : std::optional(miss("no key=value in it"));
}

bool looks_like_logfmt(Slice text) {
    const Slice word = text.substr(0, 128);
    const auto end = std::ranges::find_if_not(word, [](char c) {
        return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-';
    });
    return end != word.end() && *end == '=' && end != word.begin();
}

}  // namespace seyir::plugins::parse
