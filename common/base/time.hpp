// SPDX-License-Identifier: Apache-2.0
// UnixNanos: the one time type of records. Durations are std::chrono::nanoseconds.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <string>

namespace seyir {

using Nanos = std::chrono::nanoseconds;

/// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds ignored (OpenTelemetry's time_unix_nano).
/// Range: years 1678 to 2262. 0 means "not set" in optional places.
struct UnixNanos {
    int64_t value = 0;

    auto operator<=>(const UnixNanos&) const = default;

    UnixNanos operator+(Nanos d) const { return {value + d.count()}; }

    UnixNanos operator-(Nanos d) const { return {value - d.count()}; }

    Nanos operator-(UnixNanos other) const { return Nanos(value - other.value); }

    static constexpr UnixNanos min() { return {std::numeric_limits<int64_t>::min()}; }

    static constexpr UnixNanos max() { return {std::numeric_limits<int64_t>::max()}; }
};

/// Half-open interval [begin, end), as Loki's start and end.
struct TimeRange {
    UnixNanos begin = UnixNanos::min();
    UnixNanos end = UnixNanos::max();

    bool contains(UnixNanos t) const { return begin <= t && t < end; }

    /// True when some time in [min, max] (both included) lies in the range.
    bool overlaps(UnixNanos min, UnixNanos max) const { return min < end && begin <= max; }
};

/// Monotonic time for intervals and deadlines; from Clock::steady_now() only.
using SteadyTime = std::chrono::steady_clock::time_point;

/// "2026-11-22T10:23:46.123456789Z" (RFC 3339, always nine digits).
std::string to_rfc3339(UnixNanos t);

}  // namespace seyir
