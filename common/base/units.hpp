// SPDX-License-Identifier: Apache-2.0
// Sizes and durations as people write them: "64MiB", "1.5s", "90d". Used by config and CLI.
// Errors: kInvalidArgument with what is wrong and what would be right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/base/time.hpp"

namespace seyir {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

/// B, kB, KB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (powers of 1024); a number alone
/// is bytes. Fractions are allowed ("1.5GiB"); the result must fit in 63 bits.
Result<uint64_t> parse_bytes(std::string_view text);

/// ns, us, ms, s, m, h, d, w, and sequences of them ("1h30m"), as Go's durations plus d and w.
/// "0" needs no unit; every other number does. Never negative.
Result<Nanos> parse_duration(std::string_view text);

/// "64 MiB", "1.5 KiB", "17 B": for people, not for parsing back.
std::string format_bytes(uint64_t bytes);

/// "1h30m", "250ms": parse_duration reads it back to the same value.
std::string format_duration(Nanos duration);

}  // namespace seyir
