// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/slot/scalar_text.hpp"

#include <array>
#include <charconv>
#include <limits>

#include "collector/store/columns/text/runs.hpp"
#include "collector/store/columns/text/same_text.hpp"

namespace seyir::store::columns {
namespace {

constexpr size_t kDigitsMax = 18;  // what fits an int64 whatever the digits are
constexpr uint8_t kHexWidthMax = 128;
constexpr size_t kUuidChars = 36;

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

/// Of one part of an address; up to three digits.
char* put_octet(char* to, unsigned value) {
    if (value >= 100) {
        *to++ = static_cast<char>('0' + value / 100);
    }
    if (value >= 10) {
        *to++ = static_cast<char>('0' + value / 10 % 10);
    }
    *to++ = static_cast<char>('0' + value % 10);
    return to;
}

void append_ipv4(std::string& out, uint64_t address) {
    char text[16];
    char* to = text;
    for (int shift = 24; shift >= 0; shift -= 8) {
        to = put_octet(to, static_cast<unsigned>(address >> shift & 255));
        *to++ = '.';
    }
    out.append(text, static_cast<size_t>(to - text - 1));
}

void append_number(std::string& out, uint64_t value) {
    char text[20];
    const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
    out.append(text, static_cast<size_t>(end - text));
}

void append_padded(std::string& out, uint64_t value, size_t width) {
    const size_t before = out.size();
    out.append(width, '0');
    for (size_t i = width; i > 0 && value != 0; --i) {
        out[before + i - 1] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
}

void append_decimal(std::string& out, uint64_t value, size_t width, bool is_exact) {
    append_number(out, value / static_cast<uint64_t>(kPowers[width]));
    out += '.';
    append_padded(out, value % static_cast<uint64_t>(kPowers[width]), width);
    while (!is_exact && out.back() == '0' && out[out.size() - 2] != '.') {
        out.pop_back();
    }
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

constexpr bool is_dash_place(size_t at) {
    return at == 8 || at == 13 || at == 18 || at == 23;
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

void ScalarForm::append(std::string& out, int64_t value) const {
    if (kind == ScalarKind::kTime) {
        layout->append(out, value);
        return;
    }
    auto magnitude = static_cast<uint64_t>(value);
    if (value < 0 && kind != ScalarKind::kPadded && kind != ScalarKind::kIpv4) {
        out += '-';
        magnitude = 0 - magnitude;
    }
    switch (kind) {
        case ScalarKind::kInt:
            append_number(out, magnitude);
            break;
        case ScalarKind::kPadded:
            append_padded(out, magnitude, width);
            break;
        case ScalarKind::kDecimal:
        case ScalarKind::kShortest:
            append_decimal(out, magnitude, width, kind == ScalarKind::kDecimal);
            break;
        case ScalarKind::kIpv4:
            append_ipv4(out, magnitude);
            break;
        default:
            break;
    }
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

void ScalarForm::append_text(std::string& out, std::string_view bytes) const {
    const auto& pairs = kind == ScalarKind::kHexUpper ? kUpperPairs : kLowerPairs;
    char text[2 * kHexWidthMax];
    char* to = text;
    for (const char c : bytes.substr(0, kHexWidthMax)) {
        if (kind == ScalarKind::kUuid && is_dash_place(static_cast<size_t>(to - text))) {
            *to++ = '-';
        }
        const char* const pair = pairs.data() + 2 * size_t{static_cast<uint8_t>(c)};
        *to++ = pair[0];
        *to++ = pair[1];
    }
    out.append(text, static_cast<size_t>(to - text));
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
