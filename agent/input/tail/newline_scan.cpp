// SPDX-License-Identifier: Apache-2.0
#include "agent/input/tail/newline_scan.hpp"

#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace seyir::agent::input {
namespace {

/// Offsets are written without a check per line; the vector grows by 64 places a step at most.
class OffsetWriter {
  public:
    explicit OffsetWriter(std::vector<uint32_t>& into) : into_(into), count_(into.size()) {}

    ~OffsetWriter() { into_.resize(count_); }

    void put(uint64_t mask, uint32_t base) {
        if (count_ + 64 > into_.size()) {
            into_.resize((into_.size() + 64) * 2);
        }
        uint32_t* to = into_.data() + count_;
        count_ += static_cast<size_t>(std::popcount(mask));
        while (mask != 0) {
            *to++ = base + static_cast<uint32_t>(std::countr_zero(mask));
            mask &= mask - 1;
        }
    }

  private:
    std::vector<uint32_t>& into_;
    size_t count_;
};

void scan_rest(std::string_view bytes, size_t from, OffsetWriter& out) {
    for (size_t i = from; i < bytes.size(); ++i) {
        if (bytes[i] == '\n') {
            out.put(1, static_cast<uint32_t>(i));
        }
    }
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) void scan_avx2(
    std::string_view bytes, std::vector<uint32_t>& offsets
) {
    OffsetWriter out(offsets);
    const __m256i newline = _mm256_set1_epi8('\n');
    size_t i = 0;
    for (; i + 64 <= bytes.size(); i += 64) {
        const auto* at = reinterpret_cast<const __m256i*>(bytes.data() + i);
        const __m256i low = _mm256_cmpeq_epi8(_mm256_loadu_si256(at), newline);
        const __m256i high = _mm256_cmpeq_epi8(_mm256_loadu_si256(at + 1), newline);
        const auto low_bits = static_cast<uint32_t>(_mm256_movemask_epi8(low));
        const auto high_bits = static_cast<uint32_t>(_mm256_movemask_epi8(high));
        const uint64_t mask = low_bits | (static_cast<uint64_t>(high_bits) << 32);
        if (mask != 0) {
            out.put(mask, static_cast<uint32_t>(i));
        }
    }
    scan_rest(bytes, i, out);
}

#endif

}  // namespace

void scan_newlines_portable(std::string_view bytes, std::vector<uint32_t>& offsets) {
    OffsetWriter out(offsets);
    size_t i = 0;
#if defined(__x86_64__)
    const __m128i newline = _mm_set1_epi8('\n');
    for (; i + 64 <= bytes.size(); i += 64) {
        const auto* at = reinterpret_cast<const __m128i*>(bytes.data() + i);
        uint64_t mask = 0;
        for (unsigned part = 0; part < 4; ++part) {
            const __m128i equal = _mm_cmpeq_epi8(_mm_loadu_si128(at + part), newline);
            mask |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(equal)))
                    << (16 * part);
        }
        if (mask != 0) {
            out.put(mask, static_cast<uint32_t>(i));
        }
    }
#endif
    scan_rest(bytes, i, out);
}

void scan_newlines(std::string_view bytes, std::vector<uint32_t>& offsets) {
#if defined(__x86_64__)
    static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
    if (has_avx2) {
        scan_avx2(bytes, offsets);
        return;
    }
#endif
    scan_newlines_portable(bytes, offsets);
}

}  // namespace seyir::agent::input
