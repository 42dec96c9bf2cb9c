// SPDX-License-Identifier: Apache-2.0
#include "common/base/time.hpp"

#include <ctime>

#include <fmt/format.h>

namespace seyir {

std::string to_rfc3339(UnixNanos t) {
    constexpr int64_t kSecond = 1'000'000'000;
    int64_t seconds = t.value / kSecond;
    int64_t nanos = t.value % kSecond;
    if (nanos < 0) {
        nanos += kSecond;
        --seconds;
    }
    std::tm parts{};
    const std::time_t whole = seconds;
    gmtime_r(&whole, &parts);
    return fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z",
        parts.tm_year + 1900,
        parts.tm_mon + 1,
        parts.tm_mday,
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec,
        nanos
    );
}

}  // namespace seyir
