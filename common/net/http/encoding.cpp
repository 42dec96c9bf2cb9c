// SPDX-License-Identifier: Apache-2.0
#include "common/net/http/encoding.hpp"

#include <array>
#include <cstdint>

namespace seyir::net {

namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> base64_values() {
    std::array<int8_t, 256> values{};
    values.fill(-1);
    for (size_t i = 0; i < kBase64.size(); ++i) {
        values[static_cast<unsigned char>(kBase64[i])] = static_cast<int8_t>(i);
    }
    return values;
}

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0)) {
                return std::nullopt;
            }
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (is_unreserved(c)) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kHex[byte >> 4U];
            out += kHex[byte & 15U];
        }
    }
    return out;
}

std::optional<QueryParameters> parse_query(std::string_view text, size_t parameters_max) {
    QueryParameters parameters;
    while (!text.empty()) {
        const auto piece = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), piece.size() + 1));
        if (piece.empty()) {
            continue;
        }
        const size_t equals = piece.find('=');
        auto name = percent_decode(piece.substr(0, equals), true);
        auto value = equals == std::string_view::npos
                         ? std::optional<std::string>("")
                         : percent_decode(piece.substr(equals + 1), true);
        if (!name || !value || parameters.size() >= parameters_max) {
            return std::nullopt;
        }
        parameters.emplace_back(*std::move(name), *std::move(value));
    }
    return parameters;
}

std::optional<std::string> base64_decode(std::string_view text) {
    static constexpr auto kValues = base64_values();
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    std::string out;
    out.reserve(text.size() / 4 * 3);
    for (size_t i = 0; i < text.size(); i += 4) {
        const bool is_last = i + 4 == text.size();
        const size_t padding =
            !is_last ? 0 : (text[i + 3] == '=') + (text[i + 3] == '=' && text[i + 2] == '=');
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; ++k) {
            const int value =
                k >= 4 - padding ? 0 : kValues[static_cast<unsigned char>(text[i + k])];
            if (value < 0) {
                return std::nullopt;
            }
            bits = bits << 6U | static_cast<uint32_t>(value);
        }
        for (size_t k = 0; k < 3 - padding; ++k) {
            out += static_cast<char>(bits >> (16 - 8 * k) & 0xFFU);
        }
    }
    return out;
}

Result<ServerUrl> parse_server_url(std::string_view text, uint16_t default_port) {
    const std::string_view whole = text;
    ServerUrl url;
    if (text.starts_with("unix:") || text.starts_with("/")) {
        SEYIR_TRY(url.endpoint, parse_endpoint(text));
        return url;
    }
    if (text.starts_with("https://")) {
        url.is_tls = true;
        text.remove_prefix(8);
        default_port = 443;
    } else if (text.starts_with("http://")) {
        text.remove_prefix(7);
    } else if (text.find("://") != std::string_view::npos) {
        return fail(
            ErrorCode::kInvalidArgument,
            "\"" + std::string(whole) + "\": write http://HOST:PORT, https://HOST or unix:/path"
        );
    }
    const size_t slash = text.find('/');
    if (slash != std::string_view::npos) {
        url.base_path = text.substr(slash);
        while (url.base_path.ends_with('/')) {
            url.base_path.pop_back();
        }
        text = text.substr(0, slash);
    }
    SEYIR_TRY(url.endpoint, parse_endpoint(text, default_port));
    return url;
}

}  // namespace seyir::net
