// SPDX-License-Identifier: Apache-2.0
// Where a word begins and ends in a log line: character classes, and escapes (JSON's \n and \u0131,
// nginx's \x22, a URL's %20, a terminal's colours) that glue letters to what follows them although
// they stand for another character.
// Threads: pure functions.   Cost: constant.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace seyir::plugins::redact {

enum CharClass : uint8_t {
    kDigit = 1,
    kLetter = 2,
    kHex = 4,         ///< digits and a-f, A-F
    kLocal = 8,       ///< of an e-mail address before the @
    kDomain = 16,     ///< of a label of a host name
    kBase64Url = 32,  ///< RFC 4648, 5
    kGap = 64,        ///< may stand between the groups of one number
    kAlnum = kDigit | kLetter,
};

inline constexpr std::array<uint8_t, 256> kCharClasses = [] {
    std::array<uint8_t, 256> table{};
    for (int c = 0; c < 256; ++c) {
        uint8_t& bits = table[static_cast<size_t>(c)];
        const bool digit = c >= '0' && c <= '9';
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bits |= digit ? kDigit | kHex : 0;
        bits |= letter ? kLetter : 0;
        bits |= (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ? kHex : 0;
        const bool word = digit || letter;
        // Letters beyond ASCII are part of names (RFC 6531); their bytes are all above 0x7f.
        bits |= word || c == '.' || c == '_' || c == '+' || c == '-' || c >= 0x80 ? kLocal : 0;
        bits |= word || c == '-' || c >= 0x80 ? kDomain : 0;
        bits |= word || c == '-' || c == '_' ? kBase64Url : 0;
        bits |= c == ' ' || c == '-' || c == '.' || c == '+' || c == '(' || c == ')' || c == '%'
                    ? kGap
                    : 0;
    }
    return table;
}();

inline bool is(char c, uint8_t classes) {
    return (kCharClasses[static_cast<unsigned char>(c)] & classes) != 0;
}

/// False beyond the text's ends.
inline bool is_at(std::string_view text, size_t at, uint8_t classes) {
    return at < text.size() && is(text[at], classes);
}

inline bool has_at(std::string_view text, size_t at, char c) {
    return at < text.size() && text[at] == c;
}

inline int hex_value(char c) {
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/// How many characters from `at` on belong to an escape that began before: 1 for the `n` of "\n".
size_t escape_tail(std::string_view text, size_t at);

/// True when nothing before `at` makes a longer word of what begins there.
bool begins_word(std::string_view text, size_t at);

/// True when no letter or digit follows.
inline bool ends_word(std::string_view text, size_t end) {
    return !is_at(text, end, kAlnum);
}

/// True when [begin, end) is a part of a decimal fraction: "0.4111...", "123.5".
bool is_in_fraction(std::string_view text, size_t begin, size_t end);
/// True when it is not, or when nothing but zeros follows the point: "123.0", "123.00".
bool is_whole_number(std::string_view text, size_t begin, size_t end);

/// Length of one separator inside a number: space, `-`, `.`, `+`, or "%20"; 0 = none there.
size_t separator_at(std::string_view text, size_t at);

}  // namespace seyir::plugins::redact
