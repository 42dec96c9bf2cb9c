// SPDX-License-Identifier: Apache-2.0
// Keys of filters: 32-bit hashes of short runs and of 5-byte grams, and the two rows of a filter
// that a key sets.
// Threads: pure functions.   Format: docs/format/segment.md ("Filter"): nothing here may change
// within a filter kind.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace seyir::store::gram {

using Key = uint32_t;

inline constexpr size_t kGramBytes = 5;
/// A run of this many bytes or more has one whole window of grams wherever it is cut.
inline constexpr size_t kWindowBytes = 8;
inline constexpr size_t kWindowGrams = kWindowBytes - kGramBytes + 1;
/// Shorter runs have no key of their own: they are in every block.
inline constexpr size_t kWholeBytesMin = 3;
inline constexpr uint32_t kHashesPerKey = 2;

static_assert(
    std::endian::native == std::endian::little, "keys are defined on little-endian loads"
);

constexpr uint32_t mix(uint32_t x) {
    x ^= x >> 16;
    x *= 0x7feb352dU;
    x ^= x >> 15;
    x *= 0x846ca68bU;
    x ^= x >> 16;
    return x;
}

/// The number that decides which gram of a window is kept: the smallest.
inline uint32_t gram_order(const char* gram) {
    uint32_t head = 0;
    std::memcpy(&head, gram, sizeof(head));
    return head * 0x9e3779b1U + static_cast<unsigned char>(gram[4]) * 0x85ebca6bU;
}

inline Key gram_key(uint32_t order) {
    return mix(order);
}

/// Of a run of at most 7 bytes: `bytes` holds it with zeros behind it.
inline Key whole_key(uint64_t bytes) {
    const uint64_t product = bytes * 0x9e3779b97f4a7c15U;
    return mix(static_cast<uint32_t>(product >> 32) ^ 0x5bd1e995U);
}

/// `size` at most 8; reads 8 bytes.
inline uint64_t load_short(const char* run, size_t size) {
    uint64_t bytes = 0;
    std::memcpy(&bytes, run, sizeof(bytes));
    return size >= sizeof(bytes) ? bytes : bytes & ((uint64_t{1} << (size * 8)) - 1);
}

constexpr bool is_letter(char c) {
    return c >= 'a' && c <= 'z';
}

/// Calls fn(Key) for the smallest gram of each window of a run of at least kWindowBytes, once for
/// windows in a row that share it, and for each gram of letters alone.
template <class Fn>
void for_each_long_key(const char* run, size_t size, Fn fn) {
    constexpr size_t kFirst = kWindowGrams - 1;
    uint32_t order[kFirst];
    size_t letters = 0;  ///< up to the byte before the last of the gram
    for (size_t i = 0; i + 1 < kGramBytes; ++i) {
        letters = is_letter(run[i]) ? letters + 1 : 0;
    }
    const auto take_letters = [&](size_t i, uint32_t gram) {
        letters = is_letter(run[i + kGramBytes - 1]) ? letters + 1 : 0;
        if (letters >= kGramBytes) {
            fn(gram_key(gram));
        }
    };
    for (size_t i = 0; i < kFirst; ++i) {
        order[i] = gram_order(run + i);
        take_letters(i, order[i]);
    }
    auto [a, b, c] = order;
    uint32_t last = 0;
    for (size_t i = kFirst; i + kGramBytes <= size; ++i) {
        const uint32_t d = gram_order(run + i);
        take_letters(i, d);
        const uint32_t least = std::min(std::min(a, b), std::min(c, d));
        if (least != last || i == kFirst) {
            fn(gram_key(least));
        }
        last = least;
        a = b;
        b = c;
        c = d;
    }
}

/// The same for a shorter run, which has a key of its own when it is whole.
template <class Fn>
void for_each_short_key(const char* run, size_t size, bool is_whole, Fn fn) {
    if (is_whole && size >= kWholeBytesMin) {
        fn(whole_key(load_short(run, size)));
    }
    size_t letters = 0;
    for (size_t i = 0; i < size; ++i) {
        letters = is_letter(run[i]) ? letters + 1 : 0;
        if (letters >= kGramBytes) {
            fn(gram_key(gram_order(run + i + 1 - kGramBytes)));
        }
    }
}

/// All keys that a run, or a part of one, is sure to have in the text it stands in.
template <class Fn>
void for_each_key(const char* run, size_t size, bool is_whole, Fn fn) {
    if (size >= kWindowBytes) {
        for_each_long_key(run, size, fn);
    } else {
        for_each_short_key(run, size, is_whole, fn);
    }
}

constexpr uint32_t row_of(uint32_t hash, uint32_t rows) {
    return static_cast<uint32_t>((static_cast<uint64_t>(hash) * rows) >> 32);
}

constexpr uint32_t first_row(Key key, uint32_t rows) {
    return row_of(key, rows);
}

constexpr uint32_t second_row(Key key, uint32_t rows) {
    uint32_t x = key * 0x85ebca6bU;
    x ^= x >> 15;
    return row_of(x * 0xc2b2ae35U, rows);
}

}  // namespace seyir::store::gram
