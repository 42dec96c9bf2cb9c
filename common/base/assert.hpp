// SPDX-License-Identifier: Apache-2.0
// SEYIR_ASSERT: for bugs only, active in release builds, never reachable by input.
#pragma once

namespace seyir::detail {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}

#define SEYIR_ASSERT(expression)                                                \
    do {                                                                        \
        if (!(expression)) [[unlikely]] {                                       \
            ::seyir::detail::assertion_failed(#expression, __FILE__, __LINE__); \
        }                                                                       \
    } while (false)
