// SPDX-License-Identifier: Apache-2.0
// Strings in quotes: where they end, and what their escapes mean.
// Room: plugins/filter/parse.   Threads: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "common/record/arena.hpp"

namespace seyir::plugins::parse {

/// The first quote, backslash or control byte; `end` when there is none. Reads nothing beyond it.
inline const char* find_special(const char* at, const char* end) {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1f);
    while (end - at >= 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i special = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
            _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes)
        );
        const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(special));
        if (mask != 0) {
            return at + __builtin_ctz(mask);
        }
        at += 16;
    }
#endif
    while (at < end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) {
        ++at;
    }
    return at;
}

/// The first byte that is `one` or `other`; `end` when there is none. For words: most end within 16
/// bytes, where a call of memchr(3) costs more than looking.
inline const char* find_either(const char* at, const char* end, char one, char other) {
#ifdef __SSE2__
    const __m128i ones = _mm_set1_epi8(one);
    const __m128i others = _mm_set1_epi8(other);
    while (end - at >= 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, ones), _mm_cmpeq_epi8(bytes, others))
        ));
        if (mask != 0) {
            return at + __builtin_ctz(mask);
        }
        at += 16;
    }
#endif
    while (at < end && *at != one && *at != other) {
        ++at;
    }
    return at;
}

inline const char* find_byte(const char* at, const char* end, char byte) {
    return find_either(at, end, byte, byte);
}

/// `at` is on the backslash; afterwards behind the escape. Writes at most as many bytes as it
/// reads. Lone surrogates become U+FFFD. False: no escape of JSON.
bool take_json_escape(const char*& at, const char* end, char*& to);

/// Escapes as web servers and shells write them: \" \\ \n \t \r \b \f \v \/ \xHH \uXXXX; a
/// backslash before anything else stays. The text itself where there is no backslash.
Slice decode_lenient(Slice text, Arena& arena);

}  // namespace seyir::plugins::parse
