// SPDX-License-Identifier: Apache-2.0
#include "common/base/base64.hpp"

#include <array>
#include <cstdint>

namespace seyir {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kBad = 0xff;

constexpr std::array<uint8_t, 256> kDecode = [] {
    std::array<uint8_t, 256> table{};
    table.fill(kBad);
    for (size_t i = 0; i < kAlphabet.size(); ++i) {
        table[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
    }
    return table;
}();

uint32_t byte_at(std::string_view bytes, size_t i) {
    return i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0U;
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
    out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const uint32_t word =
            byte_at(bytes, i) << 16 | byte_at(bytes, i + 1) << 8 | byte_at(bytes, i + 2);
        out += kAlphabet[word >> 18];
        out += kAlphabet[(word >> 12) & 63];
        out += i + 1 < bytes.size() ? kAlphabet[(word >> 6) & 63] : '=';
        out += i + 2 < bytes.size() ? kAlphabet[word & 63] : '=';
    }
}

std::optional<std::string> decode_base64(std::string_view text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') {
        ++padding;
    }
    std::string out;
    out.reserve(text.size() / 4 * 3);
    for (size_t i = 0; i < text.size(); i += 4) {
        uint32_t word = 0;
        for (size_t j = 0; j < 4; ++j) {
            const bool is_padding = i + j >= text.size() - padding;
            const uint8_t six = is_padding ? 0 : kDecode[static_cast<uint8_t>(text[i + j])];
            if (six == kBad) {
                return std::nullopt;
            }
            word = word << 6 | six;
        }
        out += static_cast<char>(word >> 16);
        out += static_cast<char>((word >> 8) & 0xff);
        out += static_cast<char>(word & 0xff);
    }
    out.resize(out.size() - padding);
    return out;
}

}  // namespace seyir
