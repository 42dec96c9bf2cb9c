// SPDX-License-Identifier: Apache-2.0
// IP addresses, RFC 4291 (IPv6) and dotted decimal (IPv4).
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "plugins/filter/redact/match/find.hpp"
#include "plugins/filter/redact/match/text_edge.hpp"

namespace seyir::plugins::redact {
namespace {

constexpr size_t kGroups = 8;

/// Reads four numbers up to 255; the end, or 0.
size_t read_ipv4(std::string_view text, size_t at, std::array<int, 4>& parts) {
    for (size_t i = 0; i < parts.size(); ++i) {
        if (i != 0) {
            if (!has_at(text, at, '.')) {
                return 0;
            }
            ++at;
        }
        int value = 0;
        size_t digits = 0;
        while (digits < 4 && is_at(text, at, kDigit)) {
            value = value * 10 + (text[at++] - '0');
            ++digits;
        }
        if (digits == 0 || digits > 3 || value > 255) {
            return 0;
        }
        parts[i] = value;
    }
    return at;
}

struct Ipv6 {
    std::array<unsigned, kGroups> groups{};  ///< before the gap, then after it
    size_t count = 0;
    size_t gap = kGroups;  ///< groups before `::`; kGroups = no gap
    size_t end = 0;
};

bool read_group(std::string_view text, size_t& at, unsigned& value) {
    size_t digits = 0;
    value = 0;
    while (is_at(text, at, kHex)) {
        if (++digits > 4) {
            return false;
        }
        value = value * 16 + static_cast<unsigned>(hex_value(text[at++]));
    }
    return digits != 0;
}

/// False when what begins at `at` is no address.
bool read_ipv6(std::string_view text, size_t at, Ipv6& out) {
    out = {};
    if (has_at(text, at, ':')) {
        if (!has_at(text, at + 1, ':')) {
            return false;
        }
        out.gap = 0;
        at += 2;
    }
    while (is_at(text, at, kHex)) {
        std::array<int, 4> parts{};
        if (const size_t end = read_ipv4(text, at, parts);
            end != 0 && out.count + 2 <= kGroups && (out.count != 0 || out.gap == 0)) {
            out.groups[out.count++] = static_cast<unsigned>(parts[0] * 256 + parts[1]);
            out.groups[out.count++] = static_cast<unsigned>(parts[2] * 256 + parts[3]);
            at = end;
            break;
        }
        if (out.count == kGroups || !read_group(text, at, out.groups[out.count])) {
            return false;
        }
        ++out.count;
        if (!has_at(text, at, ':')) {
            break;
        }
        if (has_at(text, at + 1, ':')) {
            if (out.gap != kGroups) {
                return false;
            }
            out.gap = out.count;
            at += 2;
        } else if (is_at(text, at + 1, kHex)) {
            ++at;
        } else {
            break;  // "fe80::1: text"
        }
    }
    out.end = at;
    return out.gap == kGroups ? out.count == kGroups : out.count < kGroups;
}

/// Loopback and unspecified addresses name nobody.
bool is_nobody(const Ipv6& ip) {
    return ip.gap != kGroups && std::ranges::all_of(ip.groups, [](unsigned g) { return g < 2; }) &&
           ip.count <= 1;
}

/// What begins at `at` continues a row of groups: a fingerprint "ab:cd:...". "ip:2001:..." does
/// not.
bool follows_group(std::string_view text, size_t at) {
    if (at == 0 || text[at - 1] != ':') {
        return false;
    }
    size_t begin = at - 1;
    bool is_hex = true;
    while (begin > 0 && at - begin < 6 && is(text[begin - 1], kAlnum)) {
        --begin;
        is_hex = is_hex && is(text[begin], kHex);
    }
    return is_hex && at - 1 - begin <= 4;
}

/// 0:0:0:0:0:ffff:a.b.c.d and 64:ff9b::a.b.c.d (RFC 6052) are IPv4 addresses.
bool holds_ipv4(const std::array<unsigned, kGroups>& groups) {
    constexpr std::array<unsigned, 6> kMapped = {0, 0, 0, 0, 0, 0xffff};
    constexpr std::array<unsigned, 6> kNat64 = {0x64, 0xff9b, 0, 0, 0, 0};
    return std::equal(kMapped.begin(), kMapped.end(), groups.begin()) ||
           std::equal(kNat64.begin(), kNat64.end(), groups.begin());
}

}  // namespace

std::optional<Range> find_ipv4(std::string_view text, Range run) {
    std::array<int, 4> parts{};
    const size_t end = read_ipv4(text, run.begin, parts);
    if (end == 0 || !ends_word(text, end) || is_in_fraction(text, run.begin, end) ||
        parts[0] == 127 || parts == std::array<int, 4>{}) {
        return std::nullopt;
    }
    return Range{run.begin, end};
}

std::optional<Range> find_ipv6(std::string_view text, size_t colon, size_t from) {
    size_t begin = colon;
    while (begin > from && colon - begin < 5 && is(text[begin - 1], kHex)) {
        --begin;
    }
    const size_t tail = escape_tail(text, begin);
    begin += tail;
    if (begin > colon || !begins_word(text, begin) || follows_group(text, begin)) {
        return std::nullopt;
    }
    Ipv6 ip;
    if (!read_ipv6(text, begin, ip) || !ends_word(text, ip.end) || is_nobody(ip) ||
        (has_at(text, ip.end, ':') && text[ip.end - 1] == ':')) {
        return std::nullopt;
    }
    // Names joined by `::` (std::string, a::b) are no addresses: they have no digit.
    const std::string_view found = text.substr(begin, ip.end - begin);
    const bool has_digit = std::ranges::any_of(found, [](char c) { return is(c, kDigit); });
    if (!has_digit || (has_at(text, ip.end, '.') && is_at(text, ip.end + 1, kDigit))) {
        return std::nullopt;
    }
    return Range{begin, ip.end};
}

std::string truncate_ip(std::string_view address) {
    if (!address.contains(':')) {
        return std::string(address.substr(0, address.rfind('.'))) + ".0";
    }
    Ipv6 ip;
    if (!read_ipv6(address, 0, ip)) {
        return "::";
    }
    std::array<unsigned, kGroups> whole{};
    const size_t before = std::min(ip.gap, ip.count);
    std::copy_n(ip.groups.begin(), before, whole.begin());
    std::copy_n(
        ip.groups.begin() + static_cast<ptrdiff_t>(before),
        ip.count - before,
        whole.end() - static_cast<ptrdiff_t>(ip.count - before)
    );
    if (holds_ipv4(whole)) {
        const std::string_view prefix = whole[0] == 0 ? "::ffff:" : "64:ff9b::";
        return fmt::format("{}{}.{}.{}.0", prefix, whole[6] >> 8, whole[6] & 255, whole[7] >> 8);
    }
    if (whole[0] == 0 && whole[1] == 0 && whole[2] == 0) {
        return "::";
    }
    std::string out;
    for (size_t i = 0; i < 3; ++i) {
        // A zero before the gap belongs to it, unless one that is not follows.
        const bool is_rest_zero = std::all_of(
            whole.begin() + static_cast<ptrdiff_t>(i),
            whole.begin() + 3,
            [](unsigned g) { return g == 0; }
        );
        if (is_rest_zero) {
            return out.empty() ? "::" : out + ":";
        }
        out += fmt::format("{:x}:", whole[i]);
    }
    return out + ":";
}

}  // namespace seyir::plugins::redact
