// SPDX-License-Identifier: Apache-2.0
#include "collector/store/gram/fold.hpp"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace seyir::store::gram {
namespace {

struct Special {
    std::string_view bytes;
    char folded;
};

constexpr Special kSpecials[] = {
    {"\xc4\xb0", 'i'},
    {"\xc4\xb1", 'i'},
    {"\xc5\xbf", 's'},
    {"\xe2\x84\xaa", 'k'},
};

constexpr size_t kSpecialBytesMax = 3;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

/// In place; only for text that has bytes beyond ASCII.
size_t fold_specials(char* text, size_t size) {
    size_t out = 0;
    for (size_t i = 0; i < size;) {
        const char c = text[i];
        if (c == '\xc4' || c == '\xc5' || c == '\xe2') {
            const std::string_view rest(text + i, size - i);
            const Special* found = nullptr;
            for (const Special& special : kSpecials) {
                found = rest.starts_with(special.bytes) ? &special : found;
            }
            if (found != nullptr) {
                text[out++] = found->folded;
                i += found->bytes.size();
                continue;
            }
        }
        text[out++] = c;
        ++i;
    }
    return out;
}

/// True when all bytes are ASCII.
bool lower_scalar(const char* from, size_t size, char* to) {
    char seen = 0;
    for (size_t i = 0; i < size; ++i) {
        seen = static_cast<char>(seen | from[i]);
        to[i] = lower(from[i]);
    }
    return (seen & '\x80') == 0;
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) __m256i lower_avx2(__m256i bytes) {
    const __m256i above = _mm256_cmpgt_epi8(bytes, _mm256_set1_epi8('A' - 1));
    const __m256i below = _mm256_cmpgt_epi8(_mm256_set1_epi8('Z' + 1), bytes);
    const __m256i bit = _mm256_and_si256(_mm256_and_si256(above, below), _mm256_set1_epi8(0x20));
    return _mm256_or_si256(bytes, bit);
}

__attribute__((target("avx2"))) bool lower_avx2(const char* from, size_t size, char* to) {
    __m256i seen = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 32 <= size; i += 32) {
        const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i));
        seen = _mm256_or_si256(seen, bytes);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), lower_avx2(bytes));
    }
    const bool rest = lower_scalar(from + i, size - i, to + i);
    return _mm256_movemask_epi8(seen) == 0 && rest;
}

/// Two table look-ups: a bit per kind of run byte, set for its high and for its low half.
__attribute__((target("avx2"))) uint32_t run_mask_avx2(__m256i bytes) {
    // 1: .   2: digits   4: _   8: a-o   16: p-z   32: beyond ASCII
    const __m256i low_table = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(50, 58, 58, 58, 58, 58, 58, 58, 58, 58, 56, 40, 40, 40, 41, 44)
    );
    const __m256i high_table = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, 1, 2, 0, 4, 8, 16, 32, 32, 32, 32, 32, 32, 32, 32)
    );
    const __m256i nibble = _mm256_set1_epi8(0x0f);
    const __m256i low = _mm256_shuffle_epi8(low_table, _mm256_and_si256(bytes, nibble));
    const __m256i high =
        _mm256_shuffle_epi8(high_table, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));
    const __m256i none = _mm256_cmpeq_epi8(_mm256_and_si256(low, high), _mm256_setzero_si256());
    return ~static_cast<uint32_t>(_mm256_movemask_epi8(none));
}

__attribute__((target("avx2"))) uint64_t run_mask_avx2(const char* text) {
    const auto* from = reinterpret_cast<const __m256i*>(text);
    const uint64_t low = run_mask_avx2(_mm256_loadu_si256(from));
    const uint64_t high = run_mask_avx2(_mm256_loadu_si256(from + 1));
    return low | (high << 32);
}

bool has_avx2() {
    static const bool kHas = __builtin_cpu_supports("avx2") != 0;
    return kHas;
}

#endif

}  // namespace

size_t fold(std::string_view text, char* to) {
#if defined(__x86_64__)
    const bool is_ascii = has_avx2() ? lower_avx2(text.data(), text.size(), to)
                                     : lower_scalar(text.data(), text.size(), to);
#else
    const bool is_ascii = lower_scalar(text.data(), text.size(), to);
#endif
    return is_ascii ? text.size() : fold_specials(to, text.size());
}

WholeCharacters whole_characters(std::string_view needle) {
    const auto is_continuation = [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
    };
    WholeCharacters whole{needle};
    for (size_t i = 1; i < kSpecialBytesMax && !whole.text.empty(); ++i) {
        if (!is_continuation(whole.text.front())) {
            break;
        }
        whole.text.remove_prefix(1);
        whole.is_cut_left = true;
    }
    for (size_t length = 1; length < kSpecialBytesMax && length <= whole.text.size(); ++length) {
        const std::string_view tail = whole.text.substr(whole.text.size() - length);
        for (const Special& special : kSpecials) {
            if (special.bytes.size() > length && special.bytes.starts_with(tail)) {
                whole.text.remove_suffix(length);
                whole.is_cut_right = true;
                return whole;
            }
        }
    }
    return whole;
}

uint64_t run_mask(const char* text) {
#if defined(__x86_64__)
    if (has_avx2()) {
        return run_mask_avx2(text);
    }
#endif
    uint64_t mask = 0;
    for (size_t i = 0; i < 64; ++i) {
        mask |= static_cast<uint64_t>(is_run_byte(text[i])) << i;
    }
    return mask;
}

}  // namespace seyir::store::gram
