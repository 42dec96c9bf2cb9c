// SPDX-License-Identifier: Apache-2.0
// Equality of short texts: most values and literals have a few words, and a call of memcmp costs
// more than comparing them.
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace seyir::store::columns {

inline bool is_same(const char* a, const char* b, size_t size) {
    constexpr size_t kWord = sizeof(uint64_t);
    if (size > 4 * kWord) {
        return std::memcmp(a, b, size) == 0;
    }
    const auto load = [](const char* from) {
        uint64_t word = 0;
        std::memcpy(&word, from, kWord);
        return word;
    };
    if (size < kWord) {
        for (size_t i = 0; i < size; ++i) {
            if (a[i] != b[i]) {
                return false;
            }
        }
        return true;
    }
    uint64_t differs = load(a + size - kWord) ^ load(b + size - kWord);
    for (size_t at = 0; at + kWord < size; at += kWord) {
        differs |= load(a + at) ^ load(b + at);
    }
    return differs == 0;
}

inline bool is_same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && is_same(a.data(), b.data(), a.size());
}

}  // namespace seyir::store::columns
