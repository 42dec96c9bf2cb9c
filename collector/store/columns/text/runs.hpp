// SPDX-License-Identifier: Apache-2.0
// Runs: maximal stretches of [A-Za-z0-9_.-] and non-ASCII bytes. Filters index runs, so a line may
// be cut into shape and slots only at their edges: then each run lies whole in one piece.
// Threads: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace seyir::store::columns {

namespace detail {

constexpr std::array<bool, 256> make_run_table() {
    std::array<bool, 256> table{};
    for (size_t c = 0; c < 256; ++c) {
        table[c] = c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                   (c >= 'a' && c <= 'z') || c == '_' || c == '.' || c == '-';
    }
    return table;
}

inline constexpr std::array<bool, 256> kRunTable = make_run_table();

}  // namespace detail

constexpr bool is_run_byte(char c) {
    return detail::kRunTable[static_cast<uint8_t>(c)];
}

constexpr bool is_digit(char c) {
    return static_cast<uint8_t>(c - '0') < 10;
}

/// A piece may begin at `at`: no run goes across.
constexpr bool can_cut(std::string_view text, size_t at) {
    return at == 0 || at >= text.size() || !is_run_byte(text[at - 1]) || !is_run_byte(text[at]);
}

/// One past the end of the run that begins at `at` (`at` itself when there is none).
constexpr size_t run_end(std::string_view text, size_t at) {
    while (at < text.size() && is_run_byte(text[at])) {
        ++at;
    }
    return at;
}

}  // namespace seyir::store::columns
