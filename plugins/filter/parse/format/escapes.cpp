// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/format/escapes.hpp"

#include <cstring>

namespace seyir::plugins::parse {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// `digits` hexadecimal digits; -1 when there are not.
int32_t take_hex(const char*& at, const char* end, int digits) {
    if (end - at < digits) {
        return -1;
    }
    int32_t value = 0;
    for (int i = 0; i < digits; ++i) {
        const int digit = hex_value(at[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    at += digits;
    return value;
}

void put_utf8(char*& to, uint32_t rune) {
    const auto put = [&](uint32_t byte) { *to++ = static_cast<char>(byte); };
    if (rune < 0x80) {
        put(rune);
    } else if (rune < 0x800) {
        put(0xc0 | rune >> 6U);
        put(0x80 | (rune & 0x3fU));
    } else if (rune < 0x10000) {
        put(0xe0 | rune >> 12U);
        put(0x80 | (rune >> 6U & 0x3fU));
        put(0x80 | (rune & 0x3fU));
    } else {
        put(0xf0 | rune >> 18U);
        put(0x80 | (rune >> 12U & 0x3fU));
        put(0x80 | (rune >> 6U & 0x3fU));
        put(0x80 | (rune & 0x3fU));
    }
}

/// Behind "\u".
bool take_unicode(const char*& at, const char* end, char*& to) {
    const int32_t high = take_hex(at, end, 4);
    if (high < 0) {
        return false;
    }
    auto rune = static_cast<uint32_t>(high);
    if (rune >= 0xd800 && rune <= 0xdfff) {
        const char* behind = at + 2;
        rune = 0xfffd;
        if (high < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
            const int32_t low = take_hex(behind, end, 4);
            if (low >= 0xdc00 && low <= 0xdfff) {
                at = behind;
                rune = 0x10000U + ((static_cast<uint32_t>(high) - 0xd800U) << 10U) +
                       (static_cast<uint32_t>(low) - 0xdc00U);
            }
        }
    }
    put_utf8(to, rune);
    return true;
}

}  // namespace

bool take_json_escape(const char*& at, const char* end, char*& to) {
    if (end - at < 2) {
        return false;
    }
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    const char name = at[1];
    if (name == 'u') {
        const char* behind = at + 2;
        if (!take_unicode(behind, end, to)) {
            return false;
        }
        at = behind;
        return true;
    }
    const size_t i = kNames.find(name);
    if (i == std::string_view::npos) {
        return false;
    }
    *to++ = kValues[i];
    at += 2;
    return true;
}

Slice decode_lenient(Slice text, Arena& arena) {
    if (text.empty() || std::memchr(text.data(), '\\', text.size()) == nullptr) {
        return text;
    }
    char* const copy = arena.allocate(text.size());
    char* to = copy;
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at < end) {
        if (*at != '\\' || end - at < 2) {
            *to++ = *at++;
            continue;
        }
        if (at[1] == 'x') {
            const char* behind = at + 2;
            if (const int32_t byte = take_hex(behind, end, 2); byte >= 0) {
                *to++ = static_cast<char>(byte);
                at = behind;
                continue;
            }
        }
        if (at[1] == 'v') {
            *to++ = '\v';
            at += 2;
        } else if (!take_json_escape(at, end, to)) {
            *to++ = *at++;
        }
    }
    return {copy, static_cast<size_t>(to - copy)};
}

}  // namespace seyir::plugins::parse
