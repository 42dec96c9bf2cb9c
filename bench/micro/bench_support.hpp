// SPDX-License-Identifier: Apache-2.0
// What benchmarks that measure by hand share.
// Threads: any.   Errors: must() prints them and ends the program.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <utility>

#include <sys/resource.h>

#include <fmt/format.h>

#include "common/base/result.hpp"

namespace seyir::bench {

/// User and system time of this program (or thread: RUSAGE_THREAD) so far.
inline double cpu_seconds(int who = RUSAGE_SELF) {
    rusage usage{};
    getrusage(who, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class T>
T must(Result<T> result) {
    if (!result) {
        fmt::print(stderr, "{}\n", result.error().message);
        std::exit(1);
    }
    return std::move(*result);
}

}  // namespace seyir::bench
