// SPDX-License-Identifier: Apache-2.0
#include "common/codec/crc32c.hpp"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace seyir::codec {
namespace {

constexpr uint32_t kPolynomialReversed = 0x82f63b78;

using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables make_tables() {
    Tables tables{};
    for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomialReversed : 0);
        }
        tables[0][byte] = crc;
    }
    for (size_t slice = 1; slice < 8; ++slice) {
        for (size_t byte = 0; byte < 256; ++byte) {
            const uint32_t before = tables[slice - 1][byte];
            tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
    return tables;
}

constexpr Tables kTables = make_tables();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t crc32c_sse42(std::string_view bytes, uint32_t previous) {
    uint64_t crc = ~previous;
    const char* at = bytes.data();
    size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
        uint64_t word = 0;
        std::memcpy(&word, at, 8);
        crc = _mm_crc32_u64(crc, word);
    }
    auto crc32 = static_cast<uint32_t>(crc);
    for (; left > 0; ++at, --left) {
        crc32 = _mm_crc32_u8(crc32, static_cast<uint8_t>(*at));
    }
    return ~crc32;
}
#endif

using Function = uint32_t (*)(std::string_view, uint32_t);

Function choose() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return crc32c_sse42;
    }
#endif
    return crc32c_portable;
}

}  // namespace

uint32_t crc32c_portable(std::string_view bytes, uint32_t previous) {
    uint32_t crc = ~previous;
    const char* at = bytes.data();
    size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {  // slicing-by-8 (Kounavis, Berry 2005)
        uint64_t word = 0;
        std::memcpy(&word, at, 8);
        word ^= crc;
        crc = 0;
        for (size_t i = 0; i < 8; ++i) {
            crc ^= kTables[7 - i][(word >> (8 * i)) & 0xff];
        }
    }
    for (; left > 0; ++at, --left) {
        crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<uint8_t>(*at)) & 0xff];
    }
    return ~crc;
}

uint32_t crc32c(std::string_view bytes, uint32_t previous) {
    static const Function function = choose();
    return function(bytes, previous);
}

}  // namespace seyir::codec
