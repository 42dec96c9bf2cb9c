// SPDX-License-Identifier: Apache-2.0
#include "common/logql/text/search.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

#include <simdjson.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace seyir::logql {
namespace {

using Find = size_t (*)(const char*, size_t, const char*, size_t);

constexpr size_t kNowhere = std::string_view::npos;

size_t find_scalar(const char* text, size_t size, const char* needle, size_t length) {
    const void* at = memmem(text, size, needle, length);
    return at == nullptr ? kNowhere : static_cast<size_t>(static_cast<const char*>(at) - text);
}

#if defined(__x86_64__)

/// Looks at candidates given as a bit mask of places relative to `text`.
inline size_t check(const char* text, uint32_t mask, const char* needle, size_t length) {
    while (mask != 0) {
        const auto bit = static_cast<size_t>(std::countr_zero(mask));
        if (std::memcmp(text + bit + 1, needle + 1, length - 2) == 0) {
            return bit;
        }
        mask &= mask - 1;
    }
    return kNowhere;
}

size_t find_sse2(const char* text, size_t size, const char* needle, size_t length) {
    const __m128i first = _mm_set1_epi8(needle[0]);
    const __m128i last = _mm_set1_epi8(needle[length - 1]);
    size_t i = 0;
    for (; i + length - 1 + 16 <= size; i += 16) {
        const auto* head = reinterpret_cast<const __m128i*>(text + i);
        const auto* tail = reinterpret_cast<const __m128i*>(text + i + length - 1);
        const __m128i equal = _mm_and_si128(
            _mm_cmpeq_epi8(first, _mm_loadu_si128(head)),
            _mm_cmpeq_epi8(last, _mm_loadu_si128(tail))
        );
        const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(equal));
        if (const size_t at = check(text + i, mask, needle, length); at != kNowhere) {
            return i + at;
        }
    }
    const size_t at = find_scalar(text + i, size - i, needle, length);
    return at == kNowhere ? at : i + at;
}

__attribute__((target("avx2"))) size_t
find_avx2(const char* text, size_t size, const char* needle, size_t length) {
    const __m256i first = _mm256_set1_epi8(needle[0]);
    const __m256i last = _mm256_set1_epi8(needle[length - 1]);
    size_t i = 0;
    for (; i + length - 1 + 32 <= size; i += 32) {
        const auto* head = reinterpret_cast<const __m256i*>(text + i);
        const auto* tail = reinterpret_cast<const __m256i*>(text + i + length - 1);
        const __m256i equal = _mm256_and_si256(
            _mm256_cmpeq_epi8(first, _mm256_loadu_si256(head)),
            _mm256_cmpeq_epi8(last, _mm256_loadu_si256(tail))
        );
        const auto mask = static_cast<uint32_t>(_mm256_movemask_epi8(equal));
        if (const size_t at = check(text + i, mask, needle, length); at != kNowhere) {
            return i + at;
        }
    }
    const size_t at = find_sse2(text + i, size - i, needle, length);
    return at == kNowhere ? at : i + at;
}

Find choose() {
    return __builtin_cpu_supports("avx2") ? find_avx2 : find_sse2;
}

#else

Find choose() {
    return find_scalar;
}

#endif

}  // namespace

size_t find(std::string_view haystack, std::string_view needle) {
    if (needle.size() > haystack.size()) {
        return kNowhere;
    }
    if (needle.size() < 2) {
        return needle.empty() ? 0 : haystack.find(needle.front());
    }
    static const Find kFind = choose();
    return kFind(haystack.data(), haystack.size(), needle.data(), needle.size());
}

bool is_valid_utf8(std::string_view text) {
    return simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace seyir::logql
