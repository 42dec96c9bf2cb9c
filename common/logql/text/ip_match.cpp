// SPDX-License-Identifier: Apache-2.0
#include "common/logql/text/ip_match.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include <arpa/inet.h>

#include <fmt/format.h>

#include "common/base/text.hpp"

namespace seyir::logql {
namespace {

Error bad_pattern(std::string_view pattern) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "ip: invalid pattern: {} is no address, network (10.0.0.0/8) or range "
            "(10.0.0.1-10.0.0.9)",
            json_quote(pattern)
        )
    );
}

bool is_address_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' ||
           c == ':';
}

}  // namespace

std::optional<IpMatcher::Address> IpMatcher::parse(std::string_view text) {
    // The longest address text has 45 characters (IPv4 mapped into IPv6).
    std::array<char, 46> buffer{};
    if (text.empty() || text.size() >= buffer.size()) {
        return std::nullopt;
    }
    std::ranges::copy(text, buffer.begin());
    Address address;
    if (inet_pton(AF_INET, buffer.data(), address.bytes.data()) == 1) {
        return address;
    }
    address.is_v4 = false;
    if (inet_pton(AF_INET6, buffer.data(), address.bytes.data()) == 1) {
        return address;
    }
    return std::nullopt;
}

Result<IpMatcher> IpMatcher::compile(std::string_view pattern) {
    IpMatcher matcher;
    if (const size_t slash = pattern.find('/'); slash != std::string_view::npos) {
        const auto network = parse(pattern.substr(0, slash));
        const std::string_view bits_text = pattern.substr(slash + 1);
        unsigned bits = 0;
        const char* end = bits_text.data() + bits_text.size();
        const auto [rest, error] = std::from_chars(bits_text.data(), end, bits);
        if (!network || error != std::errc() || rest != end ||
            bits > (network->is_v4 ? 32U : 128U)) {
            return bad_pattern(pattern);
        }
        matcher.low_ = matcher.high_ = *network;
        const size_t size = network->is_v4 ? 4 : 16;
        for (size_t i = 0; i < size; ++i) {
            const unsigned kept = std::min(8U, bits);
            bits -= kept;
            const auto mask = static_cast<uint8_t>(0xff00U >> kept);
            matcher.low_.bytes[i] &= mask;
            matcher.high_.bytes[i] |= static_cast<uint8_t>(~mask);
        }
        return matcher;
    }
    const size_t dash = pattern.find('-');
    const auto low = parse(pattern.substr(0, dash));
    const auto high = dash == std::string_view::npos ? low : parse(pattern.substr(dash + 1));
    if (!low || !high || low->is_v4 != high->is_v4 || *high < *low) {
        return bad_pattern(pattern);
    }
    matcher.low_ = *low;
    matcher.high_ = *high;
    return matcher;
}

bool IpMatcher::matches_address(std::string_view text) const {
    const auto address = parse(text);
    return address && address->is_v4 == low_.is_v4 && low_ <= *address && *address <= high_;
}

bool IpMatcher::found_in(std::string_view line) const {
    size_t at = 0;
    while (at < line.size()) {
        if (!is_address_character(line[at])) {
            ++at;
            continue;
        }
        size_t end = at;
        while (end < line.size() && is_address_character(line[end])) {
            ++end;
        }
        std::string_view word = line.substr(at, end - at);
        at = end;
        while (word.ends_with('.') || (word.ends_with(':') && !word.ends_with("::"))) {
            word.remove_suffix(1);
        }
        if (matches_address(word)) {
            return true;
        }
        // "10.0.0.1:8080": an address and a port.
        if (const size_t colon = word.find(':');
            colon != std::string_view::npos && matches_address(word.substr(0, colon))) {
            return true;
        }
    }
    return false;
}

}  // namespace seyir::logql
