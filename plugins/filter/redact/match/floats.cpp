// SPDX-License-Identifier: Apache-2.0
// Whole numbers as programs print doubles: "10000000146.0" (Python, JSON), "1.0000000146e+10" (Go),
// "1.0000000146E10" (Java).
#include <charconv>

#include "plugins/filter/redact/match/find.hpp"
#include "plugins/filter/redact/match/text_edge.hpp"

namespace seyir::plugins::redact {

bool is_in_fraction(std::string_view text, size_t begin, size_t end) {
    if (begin >= 2 && text[begin - 1] == '.' && is(text[begin - 2], kDigit)) {
        return true;
    }
    return has_at(text, end, '.') && is_at(text, end + 1, kDigit);
}

bool is_whole_number(std::string_view text, size_t begin, size_t end) {
    if (!is_in_fraction(text, begin, end)) {
        return true;
    }
    if (is_in_fraction(text, begin, begin)) {
        return false;
    }
    size_t at = end + 1;
    while (has_at(text, at, '0')) {
        ++at;
    }
    const bool goes_on = has_at(text, at, '.') && is_at(text, at + 1, kDigit);
    return ends_word(text, at) && !goes_on;
}

std::optional<Expanded> expand_float(std::string_view text, Range run) {
    const bool is_long =
        has_at(text, run.end, '.') && is_at(text, run.end + kFractionDigitsMin, kDigit);
    if (run.end - run.begin != 1 || !is_long || text[run.begin] == '0') {
        return std::nullopt;
    }
    Expanded out;
    out.digits[out.count++] = text[run.begin];
    size_t at = run.end + 1;
    for (; is_at(text, at, kDigit); ++at) {
        if (out.count == kFloatDigitsMax) {
            return std::nullopt;
        }
        out.digits[out.count++] = text[at];
    }
    if (out.count <= kFractionDigitsMin || at == text.size() || (text[at] | 0x20) != 'e') {
        return std::nullopt;
    }
    at += has_at(text, at + 1, '+') ? 2 : 1;
    size_t exponent = 0;
    const char* last = text.data() + text.size();
    const auto read = std::from_chars(text.data() + at, last, exponent);
    out.end = static_cast<size_t>(read.ptr - text.data());
    const bool is_whole = read.ec == std::errc() && exponent + 1 >= out.count &&
                          exponent < kFloatDigitsMax && ends_word(text, out.end);
    if (!is_whole || is_in_fraction(text, run.begin, run.begin)) {
        return std::nullopt;
    }
    while (out.count <= exponent) {
        out.digits[out.count++] = '0';
    }
    return out;
}

}  // namespace seyir::plugins::redact
