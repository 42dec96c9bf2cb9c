// SPDX-License-Identifier: Apache-2.0
#include "common/logql/extract/json_scanner.hpp"

#include <cstdint>
#include <cstring>

#include "common/logql/extract/json_reader.hpp"
#include "common/logql/stage/scratch_row.hpp"
#include "common/logql/text/search.hpp"

namespace seyir::logql {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void skip_space(std::string_view text, size_t& at) {
    while (at < text.size() && is_space(text[at])) {
        ++at;
    }
}

/// `at` is on the opening quote; afterwards behind the closing one.
std::optional<std::string_view> take_string(std::string_view text, size_t& at) {
    const size_t begin = ++at;
    while (at < text.size()) {
        if (text[at] == '\\') {
            at += 2;
        } else if (text[at] == '"') {
            return text.substr(begin, at++ - begin);
        } else {
            ++at;
        }
    }
    return std::nullopt;
}

/// The whole object or array, by counting brackets outside strings.
std::optional<std::string_view> take_block(std::string_view text, size_t& at) {
    const size_t begin = at;
    const char open = text[at];
    const char close = open == '{' ? '}' : ']';
    int depth = 0;
    while (at < text.size()) {
        if (text[at] == '"') {
            if (!take_string(text, at)) {
                return std::nullopt;
            }
            continue;
        }
        depth += text[at] == open ? 1 : text[at] == close ? -1 : 0;
        ++at;
        if (depth == 0) {
            return text.substr(begin, at - begin);
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> take_value(std::string_view text, size_t& at, ScannedValue& value) {
    if (at >= text.size()) {
        return "value is missing";
    }
    if (text[at] == '"') {
        value.kind = ScannedKind::kString;
        const auto string = take_string(text, at);
        value.text = string.value_or("");
        return string ? std::nullopt : std::optional("value is a string without its closing quote");
    }
    if (text[at] == '{' || text[at] == '[') {
        const bool object = text[at] == '{';
        value.kind = object ? ScannedKind::kObject : ScannedKind::kArray;
        const auto block = take_block(text, at);
        value.text = block.value_or("");
        return block ? std::nullopt
                     : std::optional(
                           object ? "value looks like an object without its closing }"
                                  : "value looks like an array without its closing ]"
                       );
    }
    const size_t begin = at;
    while (at < text.size() && !is_space(text[at]) && std::strchr(",}]", text[at]) == nullptr) {
        ++at;
    }
    value.text = text.substr(begin, at - begin);
    if (value.text == "true" || value.text == "false") {
        value.kind = ScannedKind::kBool;
    } else if (value.text == "null") {
        value.kind = ScannedKind::kNull;
    } else if (!value.text.empty() && std::strchr("0123456789-", value.text.front()) != nullptr) {
        value.kind = ScannedKind::kNumber;
    } else {
        return "unknown value type";
    }
    return std::nullopt;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<uint32_t> take_hex4(std::string_view raw, size_t& at) {
    if (at + 4 > raw.size()) {
        return std::nullopt;
    }
    uint32_t value = 0;
    for (const size_t end = at + 4; at < end; ++at) {
        const int digit = hex_value(raw[at]);
        if (digit < 0) {
            return std::nullopt;
        }
        value = value * 16 + static_cast<uint32_t>(digit);
    }
    return value;
}

char* put_utf8(char* out, uint32_t rune) {
    if (rune < 0x80) {
        *out++ = static_cast<char>(rune);
    } else if (rune < 0x800) {
        *out++ = static_cast<char>(0xc0 | (rune >> 6));
        *out++ = static_cast<char>(0x80 | (rune & 0x3f));
    } else if (rune < 0x10000) {
        *out++ = static_cast<char>(0xe0 | (rune >> 12));
        *out++ = static_cast<char>(0x80 | ((rune >> 6) & 0x3f));
        *out++ = static_cast<char>(0x80 | (rune & 0x3f));
    } else {
        *out++ = static_cast<char>(0xf0 | (rune >> 18));
        *out++ = static_cast<char>(0x80 | ((rune >> 12) & 0x3f));
        *out++ = static_cast<char>(0x80 | ((rune >> 6) & 0x3f));
        *out++ = static_cast<char>(0x80 | (rune & 0x3f));
    }
    return out;
}

/// After "\u": a lone surrogate becomes U+FFFD.
std::optional<uint32_t> take_unicode(std::string_view raw, size_t& at) {
    const auto high = take_hex4(raw, at);
    if (!high || *high < 0xd800 || *high > 0xdfff) {
        return high;
    }
    if (*high < 0xdc00 && raw.substr(at).starts_with("\\u")) {
        size_t behind = at + 2;
        const auto low = take_hex4(raw, behind);
        if (low && *low >= 0xdc00 && *low <= 0xdfff) {
            at = behind;
            return 0x10000 + ((*high - 0xd800) << 10) + (*low - 0xdc00);
        }
    }
    return 0xfffd;
}

/// Length of the well-formed UTF-8 character at `at`, 0 when there is none.
size_t character_length(std::string_view text, size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (at + length > text.size() || (lead >= 0x80 && lead < 0xc2)) {
        return 0;
    }
    return is_valid_utf8(text.substr(at, length)) ? length : 0;
}

}  // namespace

bool is_json_number(std::string_view token) {
    size_t at = token.starts_with('-') ? 1 : 0;
    const auto digits = [&] {
        const size_t begin = at;
        while (at < token.size() && token[at] >= '0' && token[at] <= '9') {
            ++at;
        }
        return at - begin;
    };
    const size_t begin = at;
    const size_t whole = digits();
    if (whole == 0 || (whole > 1 && token[begin] == '0')) {
        return false;
    }
    if (at < token.size() && token[at] == '.') {
        ++at;
        if (digits() == 0) {
            return false;
        }
    }
    if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
        ++at;
        at += at < token.size() && (token[at] == '+' || token[at] == '-') ? 1 : 0;
        if (digits() == 0) {
            return false;
        }
    }
    return at == token.size();
}

std::string_view ScannedValue::to_label(Scratch& scratch) const {
    switch (kind) {
        case ScannedKind::kString:
            return unescape_json(text, scratch).value_or("");
        case ScannedKind::kNull:
            return "";
        default:
            return text;
    }
}

std::optional<std::string_view> scan_object(std::string_view text, const OnMember& on_member) {
    size_t at = 0;
    skip_space(text, at);
    if (at >= text.size() || text[at] != '{') {
        return "expecting a JSON object, but it is not";
    }
    ++at;
    while (true) {
        skip_space(text, at);
        if (at >= text.size()) {
            return "object without its closing }";
        }
        if (text[at] == '}') {
            return std::nullopt;
        }
        if (text[at] != '"') {
            return "a name in quotes is missing";
        }
        const auto key = take_string(text, at);
        if (!key) {
            return "name without its closing quote";
        }
        skip_space(text, at);
        if (at >= text.size() || text[at] != ':') {
            return "`:` is missing after a name";
        }
        ++at;
        skip_space(text, at);
        ScannedValue value;
        if (const auto error = take_value(text, at, value)) {
            return error;
        }
        if (!on_member(*key, value)) {
            return std::nullopt;
        }
        skip_space(text, at);
        if (at < text.size() && text[at] == ',') {
            ++at;
        } else if (at >= text.size() || text[at] != '}') {
            return "`,` or `}` is missing after a value";
        }
    }
}

std::optional<std::string_view> scan_array(std::string_view text, const OnItem& on_item) {
    size_t at = 0;
    skip_space(text, at);
    if (at >= text.size() || text[at] != '[') {
        return "expecting a JSON array, but it is not";
    }
    ++at;
    while (true) {
        skip_space(text, at);
        if (at >= text.size()) {
            return "array without its closing ]";
        }
        if (text[at] == ']') {
            return std::nullopt;
        }
        ScannedValue value;
        if (const auto error = take_value(text, at, value)) {
            return error;
        }
        if (!on_item(value)) {
            return std::nullopt;
        }
        skip_space(text, at);
        if (at < text.size() && text[at] == ',') {
            ++at;
        }
    }
}

std::optional<std::string_view> unescape_json(std::string_view raw, Scratch& scratch) {
    if (std::memchr(raw.data(), '\\', raw.size()) == nullptr) {
        return clean_utf8(raw, scratch);
    }
    char* const begin = scratch.allocate(raw.size());  // escapes only ever shrink
    char* out = begin;
    for (size_t at = 0; at < raw.size();) {
        if (raw[at] != '\\') {
            *out++ = raw[at++];
            continue;
        }
        if (at + 1 >= raw.size()) {
            return std::nullopt;
        }
        const char escaped = raw[at + 1];
        at += 2;
        constexpr std::string_view kNames = "\"\\/bfnrt";
        constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
        if (const size_t i = kNames.find(escaped); i != std::string_view::npos) {
            *out++ = kValues[i];
        } else if (escaped == 'u') {
            const auto rune = take_unicode(raw, at);
            if (!rune) {
                return std::nullopt;
            }
            out = put_utf8(out, *rune);
        } else {
            return std::nullopt;
        }
    }
    return clean_utf8({begin, static_cast<size_t>(out - begin)}, scratch);
}

std::string_view clean_utf8(std::string_view text, Scratch& scratch) {
    constexpr std::string_view kReplacement = "\xef\xbf\xbd";
    if (is_valid_utf8(text) && !contains(text, kReplacement)) {
        return text;
    }
    char* const begin = scratch.allocate(text.size());
    char* out = begin;
    for (size_t at = 0; at < text.size();) {
        const size_t length = character_length(text, at);
        if (length == 0 || text.substr(at, length) == kReplacement) {
            *out++ = ' ';
            at += length == 0 ? 1 : length;
            continue;
        }
        std::memcpy(out, text.data() + at, length);
        out += length;
        at += length;
    }
    return {begin, static_cast<size_t>(out - begin)};
}

}  // namespace seyir::logql
