// SPDX-License-Identifier: Apache-2.0
#include "common/base/id128.hpp"

#include <charconv>

#include <sys/random.h>

#include <fmt/format.h>

#include "common/base/assert.hpp"

namespace seyir {

std::string id128_to_hex(uint64_t hi, uint64_t lo) {
    return fmt::format("{:016x}{:016x}", hi, lo);
}

bool id128_from_hex(std::string_view text, uint64_t& hi, uint64_t& lo) {
    if (text.size() != 32) {
        return false;
    }
    const char* middle = text.data() + 16;
    const char* end = text.data() + 32;
    const auto high = std::from_chars(text.data(), middle, hi, 16);
    const auto low = std::from_chars(middle, end, lo, 16);
    return high.ec == std::errc{} && high.ptr == middle && low.ec == std::errc{} && low.ptr == end;
}

void id128_random(uint64_t& hi, uint64_t& lo) {
    uint64_t words[2] = {0, 0};
    while (words[0] == 0 && words[1] == 0) {
        const ssize_t got = getrandom(words, sizeof words, 0);
        SEYIR_ASSERT(got == static_cast<ssize_t>(sizeof words));
    }
    hi = words[0];
    lo = words[1];
}

}  // namespace seyir
