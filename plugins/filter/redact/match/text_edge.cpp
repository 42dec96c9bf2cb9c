// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/redact/match/text_edge.hpp"

namespace seyir::plugins::redact {
namespace {

bool all_hex(std::string_view text, size_t at, size_t count) {
    for (size_t i = at; i < at + count; ++i) {
        if (!is_at(text, i, kHex)) {
            return false;
        }
    }
    return true;
}

/// Length of the escape that begins at the backslash or percent sign; 0 = it is none.
size_t escape_length(std::string_view text, size_t at) {
    const char sign = text[at];
    if (sign == '%') {
        return all_hex(text, at + 1, 2) ? 3 : 0;
    }
    if (sign != '\\' || at + 1 >= text.size()) {
        return 0;
    }
    switch (text[at + 1]) {
        case 'n':
        case 'r':
        case 't':
        case 'b':
        case 'f':
            return 2;
        case 'u':
            return all_hex(text, at + 2, 4) ? 6 : 0;
        case 'x':
            return all_hex(text, at + 2, 2) ? 4 : 0;
        default:
            return 0;
    }
}

/// ESC [ numbers m, as terminals' colours are written, ends before `at`.
bool follows_colour(std::string_view text, size_t at) {
    if (text[at - 1] != 'm') {
        return false;
    }
    size_t i = at - 1;
    const size_t stop = at > 24 ? at - 24 : 0;
    while (i > stop && (is(text[i - 1], kDigit) || text[i - 1] == ';')) {
        --i;
    }
    return i > 1 && text[i - 1] == '[' && text[i - 2] == '\x1b';
}

}  // namespace

size_t escape_tail(std::string_view text, size_t at) {
    constexpr size_t kEscapeMax = 6;
    for (size_t back = 1; back < kEscapeMax && back <= at; ++back) {
        const char c = text[at - back];
        if (c == '\\' || c == '%') {
            const size_t length = escape_length(text, at - back);
            return length > back ? length - back : 0;
        }
        if (!is(c, kAlnum)) {
            return 0;
        }
    }
    return 0;
}

bool begins_word(std::string_view text, size_t at) {
    if (at == 0 || !is(text[at - 1], kAlnum)) {
        return true;
    }
    // The character before is the last one of an escape: "\n", "\u0131", "%2B".
    return escape_tail(text, at - 1) == 1 || follows_colour(text, at);
}

size_t separator_at(std::string_view text, size_t at) {
    if (at >= text.size()) {
        return 0;
    }
    switch (text[at]) {
        case ' ':
        case '-':
        case '.':
        case '+':
            return 1;
        case '%':
            return text.substr(at).starts_with("%20") ? 3 : 0;
        default:
            return 0;
    }
}

}  // namespace seyir::plugins::redact
