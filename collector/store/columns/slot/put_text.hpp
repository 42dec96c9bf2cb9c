// SPDX-License-Identifier: Apache-2.0
// Short texts written at a place that has room for them: what a line is put together from.
// Threads: pure functions.   Requires: the room, said by the caller; each returns the end.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace seyir::store::columns {

namespace put_text_detail {

template <size_t kSize>
char* put_ends(char* to, const char* from, size_t size) {
    std::memcpy(to, from, kSize);
    std::memcpy(to + size - kSize, from + size - kSize, kSize);
    return to + size;
}

inline constexpr std::array<char, 200> kPairs = [] {
    std::array<char, 200> pairs{};
    for (size_t i = 0; i < 100; ++i) {
        pairs[2 * i] = static_cast<char>('0' + i / 10);
        pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
    return pairs;
}();

}  // namespace put_text_detail

/// Most are a few bytes long, for which a call of memcpy costs more than the bytes.
inline char* put_text(char* to, std::string_view text) {
    using put_text_detail::put_ends;
    const size_t size = text.size();
    const char* from = text.data();
    if (size > 32) {
        std::memcpy(to, from, size);
        return to + size;
    }
    if (size >= 16) {
        return put_ends<16>(to, from, size);
    }
    if (size >= 8) {
        return put_ends<8>(to, from, size);
    }
    if (size >= 4) {
        return put_ends<4>(to, from, size);
    }
    if (size >= 2) {
        return put_ends<2>(to, from, size);
    }
    if (size == 1) {
        *to = *from;
    }
    return to + size;
}

/// Two digits of a number below 100.
inline char* put_pair(char* to, uint64_t value) {
    std::memcpy(to, put_text_detail::kPairs.data() + 2 * value, 2);
    return to + 2;
}

/// The last `width` digits.
inline char* put_padded(char* to, uint64_t value, size_t width) {
    char* at = to + width;
    for (; at >= to + 2; value /= 100) {
        at -= 2;
        put_pair(at, value % 100);
    }
    if (at > to) {
        *to = static_cast<char>('0' + value % 10);
    }
    return to + width;
}

/// Up to 20 digits.
inline char* put_number(char* to, uint64_t value) {
    return std::to_chars(to, to + 20, value).ptr;
}

}  // namespace seyir::store::columns
