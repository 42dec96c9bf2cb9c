// SPDX-License-Identifier: Apache-2.0
#include "common/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace seyir::detail {

void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "seyir: bug: assertion `%s` failed at %s:%d\n", expression, file, line);
    std::abort();
}

}  // namespace seyir::detail
