// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/slot/scalar_text.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "collector/store/columns/slot/put_text.hpp"
#include "collector/store/columns/text/runs.hpp"
#include "collector/store/columns/text/same_text.hpp"

namespace seyir::store::columns {
namespace {

constexpr size_t kDigitsMax = 18;  // what fits an int64 whatever the digits are
constexpr uint8_t kHexWidthMax = 128;
constexpr size_t kUuidChars = 36;
// Of any text written here: hex and times are the longest.
constexpr size_t kTextBytesMax = std::max<size_t>(kHexWidthMax, TimeLayout::kLengthMax);

constexpr std::array<int64_t, kDigitsMax + 1> kPowers = [] {
    std::array<int64_t, kDigitsMax + 1> powers{};
    int64_t power = 1;
    for (size_t i = 0; i < powers.size(); ++i) {
        power *= i == 0 ? 1 : 10;
        powers[i] = power;
    }
    return powers;
}();

/// Requires: at most kDigitsMax characters. -1 unless all are digits and there is one.
int64_t digits(std::string_view text) {
    int64_t n = text.empty() ? -1 : 0;
    for (const char c : text) {
        const auto digit = static_cast<uint8_t>(c - '0');
        if (digit > 9) {
            return -1;
        }
        n = n * 10 + digit;
    }
    return n;
}

/// As an integer is written: no needless zero in front.
int64_t whole(std::string_view text) {
    if (text.size() > kDigitsMax || (text.size() > 1 && text[0] == '0')) {
        return -1;
    }
    return digits(text);
}

std::optional<int64_t> parse_int(std::string_view text) {
    const bool is_negative = text.starts_with('-');
    const std::string_view all = text.substr(is_negative ? 1 : 0);
    if (all.size() == kDigitsMax + 1 && all[0] != '0') {
        // 19 digits: fits or not, depending on what they are.
        const int64_t front = digits(all.substr(0, kDigitsMax));
        const int64_t back = digits(all.substr(kDigitsMax));
        int64_t n = 0;
        if (front < 0 || back < 0 || __builtin_mul_overflow(front, 10, &n) ||
            __builtin_add_overflow(n, back, &n)) {
            return std::nullopt;
        }
        return is_negative ? -n : n;
    }
    const int64_t n = whole(all);
    if (n < 0 || (is_negative && n == 0)) {
        return std::nullopt;
    }
    return is_negative ? -n : n;
}

/// Exactly `width` digits after the point when `is_exact`, else up to so many and none needless.
std::optional<int64_t> parse_decimal(std::string_view text, size_t width, bool is_exact) {
    const bool is_negative = text.starts_with('-');
    text.remove_prefix(is_negative ? 1 : 0);
    const size_t point = text.find('.');
    if (point == std::string_view::npos || point + 1 >= text.size()) {
        return std::nullopt;
    }
    const std::string_view fraction = text.substr(point + 1);
    const bool is_wrong_width = is_exact ? fraction.size() != width : fraction.size() > width;
    const bool is_needless = !is_exact && fraction.size() > 1 && fraction.back() == '0';
    if (is_wrong_width || is_needless || point + width > kDigitsMax) {
        return std::nullopt;
    }
    const int64_t before = whole(text.substr(0, point));
    const int64_t after = digits(fraction);
    if (before < 0 || after < 0) {
        return std::nullopt;
    }
    const int64_t n = before * kPowers[width] + after * kPowers[width - fraction.size()];
    if (is_negative && n == 0) {
        return std::nullopt;
    }
    return is_negative ? -n : n;
}

std::optional<int64_t> parse_ipv4(std::string_view text) {
    int64_t address = 0;
    for (int part = 0; part < 4; ++part) {
        const size_t end = part == 3 ? text.size() : std::min(text.find('.'), text.size());
        const int64_t n = end > 3 ? -1 : whole(text.substr(0, end));
        if (n < 0 || n > 255 || (part < 3 && end == text.size())) {
            return std::nullopt;
        }
        address = address * 256 + n;
        text.remove_prefix(part == 3 ? end : end + 1);
    }
    return address;
}

constexpr std::array<char, 512> pairs_of(std::string_view names) {
    std::array<char, 512> pairs{};
    for (size_t i = 0; i < 256; ++i) {
        pairs[2 * i] = names[i >> 4];
        pairs[2 * i + 1] = names[i & 15];
    }
    return pairs;
}

/// Two hex digits of each byte.
constexpr std::array<char, 512> kLowerPairs = pairs_of("0123456789abcdef");
constexpr std::array<char, 512> kUpperPairs = pairs_of("0123456789ABCDEF");

/// A part of an address with the point behind it.
struct Octet {
    std::array<char, 4> text{};
    uint8_t size = 0;
};

constexpr std::array<Octet, 256> kOctets = [] {
    std::array<Octet, 256> octets{};
    for (unsigned value = 0; value < 256; ++value) {
        Octet& octet = octets[value];
        for (const unsigned power : {100U, 10U, 1U}) {
            if (value >= power || power == 1) {
                octet.text[octet.size++] = static_cast<char>('0' + value / power % 10);
            }
        }
        octet.text[octet.size++] = '.';
    }
    return octets;
}();

constexpr size_t kIpv4BytesMax = 16;  // each part writes four bytes

char* put_ipv4(char* to, uint64_t address) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        const Octet& octet = kOctets[address >> shift & 255];
        std::memcpy(to, octet.text.data(), octet.text.size());
        to += octet.size;
    }
    return to - 1;
}

char* put_decimal(char* to, uint64_t value, size_t width, bool is_exact) {
    const auto power = static_cast<uint64_t>(kPowers[width]);
    to = put_number(to, value / power);
    *to++ = '.';
    to = put_padded(to, value % power, width);
    while (!is_exact && to[-1] == '0' && to[-2] != '.') {
        --to;
    }
    return to;
}

char* put_hex(char* to, const char* bytes, size_t count, const std::array<char, 512>& pairs) {
    for (size_t i = 0; i < count; ++i, to += 2) {
        std::memcpy(to, pairs.data() + 2 * size_t{static_cast<uint8_t>(bytes[i])}, 2);
    }
    return to;
}

constexpr uint8_t kNoDigit = 0xff;

constexpr std::array<uint8_t, 256> digits_of(std::string_view names) {
    std::array<uint8_t, 256> digits{};
    digits.fill(kNoDigit);
    for (size_t i = 0; i < names.size(); ++i) {
        digits[static_cast<uint8_t>(names[i])] = static_cast<uint8_t>(i);
    }
    return digits;
}

constexpr std::array<uint8_t, 256> kLowerDigits = digits_of("0123456789abcdef");
constexpr std::array<uint8_t, 256> kUpperDigits = digits_of("0123456789ABCDEF");

/// Writes half as many bytes as the text has characters, an even number.
bool parse_hex(std::string_view text, bool is_upper, char* to) {
    const auto& digits = is_upper ? kUpperDigits : kLowerDigits;
    unsigned all = 0;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
        const unsigned high = digits[static_cast<uint8_t>(text[i])];
        const unsigned low = digits[static_cast<uint8_t>(text[i + 1])];
        all |= high | low;
        *to++ = static_cast<char>(high << 4 | low);
    }
    return all <= 15;
}

}  // namespace

std::optional<int64_t> ScalarForm::parse(std::string_view text) const {
    switch (kind) {
        case ScalarKind::kInt:
            return parse_int(text);
        case ScalarKind::kPadded: {
            const bool fits = text.size() == width && width <= kDigitsMax;
            const int64_t n = fits ? digits(text) : -1;
            return n < 0 ? std::nullopt : std::optional(n);
        }
        case ScalarKind::kDecimal:
            return parse_decimal(text, width, true);
        case ScalarKind::kShortest:
            return parse_decimal(text, width, false);
        case ScalarKind::kIpv4:
            return parse_ipv4(text);
        case ScalarKind::kTime:
            return layout->parse(text);
        default:
            return std::nullopt;
    }
}

std::optional<int64_t> ScalarForm::parse_near(
    std::string_view text, std::string_view known, int64_t known_value
) const {
    if (!known.empty() && is_same(text, known)) {
        return known_value;
    }
    return kind == ScalarKind::kTime ? layout->parse_near(text, known, known_value) : parse(text);
}

char* ScalarForm::write(char* to, int64_t value) const {
    if (kind == ScalarKind::kTime) {
        return layout->write(to, value);
    }
    auto magnitude = static_cast<uint64_t>(value);
    if (value < 0 && kind != ScalarKind::kPadded && kind != ScalarKind::kIpv4) {
        *to++ = '-';
        magnitude = 0 - magnitude;
    }
    switch (kind) {
        case ScalarKind::kInt:
            return put_number(to, magnitude);
        case ScalarKind::kPadded:
            return put_padded(to, magnitude, width);
        case ScalarKind::kDecimal:
        case ScalarKind::kShortest:
            return put_decimal(to, magnitude, width, kind == ScalarKind::kDecimal);
        case ScalarKind::kIpv4:
            return put_ipv4(to, magnitude);
        default:
            return to;
    }
}

void ScalarForm::append(std::string& out, int64_t value) const {
    char text[kTextBytesMax];
    out.append(text, static_cast<size_t>(write(text, value) - text));
}

size_t ScalarForm::text_bytes_max() const {
    constexpr size_t kNumberBytesMax = 21;  // a sign and 20 digits
    switch (kind) {
        case ScalarKind::kInt:
            return kNumberBytesMax;
        case ScalarKind::kPadded:
            return width;
        case ScalarKind::kDecimal:
        case ScalarKind::kShortest:
            return kNumberBytesMax + 1 + width;
        case ScalarKind::kIpv4:
            return kIpv4BytesMax;
        case ScalarKind::kTime:
            return layout->length();
        case ScalarKind::kHexLower:
        case ScalarKind::kHexUpper:
            return width;
        case ScalarKind::kUuid:
            return kUuidChars;
    }
    return kTextBytesMax;
}

double ScalarForm::quantity(int64_t value) const {
    // Below this both parts of the quotient are exact, so that it is rounded once, as the text is.
    constexpr int64_t kExactMax = int64_t{1} << 53;
    switch (kind) {
        case ScalarKind::kInt:
        case ScalarKind::kPadded:
            return static_cast<double>(value);
        case ScalarKind::kDecimal:
        case ScalarKind::kShortest:
            if (value >= -kExactMax && value <= kExactMax) {
                return static_cast<double>(value) / static_cast<double>(kPowers[width]);
            }
            break;
        default:
            break;
    }
    return std::numeric_limits<double>::quiet_NaN();
}

bool ScalarForm::parse_bytes(std::string_view text, std::string& out) const {
    char bytes[kHexWidthMax];
    bool is_good = false;
    if (kind == ScalarKind::kUuid) {
        is_good = text.size() == kUuidChars && text[8] == '-' && text[13] == '-' &&
                  text[18] == '-' && text[23] == '-' &&
                  parse_hex(text.substr(0, 8), false, bytes) &&
                  parse_hex(text.substr(9, 4), false, bytes + 4) &&
                  parse_hex(text.substr(14, 4), false, bytes + 6) &&
                  parse_hex(text.substr(19, 4), false, bytes + 8) &&
                  parse_hex(text.substr(24), false, bytes + 10);
    } else {
        is_good = text.size() == width && width <= kHexWidthMax && width % 2 == 0 &&
                  parse_hex(text, kind == ScalarKind::kHexUpper, bytes);
    }
    if (is_good) {
        out.append(bytes, byte_width());
    }
    return is_good;
}

char* ScalarForm::write_bytes(char* to, const char* bytes) const {
    if (kind != ScalarKind::kUuid) {
        return put_hex(
            to, bytes, byte_width(), kind == ScalarKind::kHexUpper ? kUpperPairs : kLowerPairs
        );
    }
    to = put_hex(to, bytes, 4, kLowerPairs);
    for (const size_t at : {4U, 6U, 8U}) {
        *to++ = '-';
        to = put_hex(to, bytes + at, 2, kLowerPairs);
    }
    *to++ = '-';
    return put_hex(to, bytes + 10, 6, kLowerPairs);
}

void ScalarForm::append_text(std::string& out, std::string_view bytes) const {
    char text[kTextBytesMax];
    if (bytes.size() == byte_width()) {
        out.append(text, static_cast<size_t>(write_bytes(text, bytes.data()) - text));
    }
}

void append_form(std::string& out, const ScalarForm& form) {
    out += static_cast<char>(form.kind);
    out += static_cast<char>(form.width);
    if (form.kind == ScalarKind::kTime) {
        codec::append_text(out, form.layout->pattern());
    }
}

ScalarForm read_form(codec::Reader& reader) {
    ScalarForm form;
    form.kind = static_cast<ScalarKind>(reader.u8());
    form.width = reader.u8();
    const bool is_decimal = form.kind == ScalarKind::kDecimal || form.kind == ScalarKind::kShortest;
    const bool is_hex = form.kind == ScalarKind::kHexLower || form.kind == ScalarKind::kHexUpper;
    if (form.kind == ScalarKind::kTime) {
        form.layout = TimeLayout::from_pattern(reader.text(UINT8_MAX));
    }
    if (form.kind > ScalarKind::kUuid || (form.kind == ScalarKind::kTime && !form.layout) ||
        (form.kind == ScalarKind::kPadded && form.width > kDigitsMax) ||
        (is_decimal && (form.width == 0 || form.width > kDigitsMax)) ||
        (is_hex && (form.width == 0 || form.width % 2 != 0 || form.width > kHexWidthMax))) {
        reader.give_up();
    }
    return form;
}

}  // namespace seyir::store::columns
