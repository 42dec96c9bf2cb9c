// SPDX-License-Identifier: Apache-2.0
// Substring search for line filters: compares the needle's first and last byte 16 (SSE2) or 32
// (AVX2, chosen at run time) places at once.
// Threads: pure functions.   Method: W. Mula, "SIMD-friendly algorithms for substring searching".
#pragma once

#include <cstddef>
#include <string_view>

namespace seyir::logql {

/// Place of the first occurrence, or npos. The empty needle is at 0.
size_t find(std::string_view haystack, std::string_view needle);

inline bool contains(std::string_view haystack, std::string_view needle) {
    return find(haystack, needle) != std::string_view::npos;
}

/// simdjson's validator.
bool is_valid_utf8(std::string_view text);

}  // namespace seyir::logql
