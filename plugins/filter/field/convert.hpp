// SPDX-License-Identifier: Apache-2.0
// Conversion of one value to a type people name in configuration.
// Threads: pure functions.   Errors: false, and the value stays as it was.
//   int        whole numbers, also "12.0" and "1e3"; bool as 0 and 1; times as nanoseconds are not
//   double     numbers, but not NaN and infinity
//   bool       true/false, yes/no, on/off, 1/0, any case
//   string     as filters and templates see it; JSON of arrays and maps
//   duration   "1h15m", "250ms", "2d" become seconds (double); numbers are seconds already
//   bytes      "42MiB", "10k" become a number of bytes (int); numbers are bytes already
//   time       RFC 3339 in UTC with nanoseconds, from RFC 3339 or a number since 1970, which is
//              seconds, milliseconds, microseconds or nanoseconds by its size (from 1973 on)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/record/batch.hpp"

namespace seyir::plugins {

enum class ConvertTo : uint8_t { kInt, kDouble, kBool, kString, kDuration, kBytes, kTime };

std::optional<ConvertTo> convert_target(std::string_view name);
std::string_view to_string(ConvertTo to);

/// Texts of the result live in the arena or where the value's own text lives.
bool convert(const Value& from, ConvertTo to, Arena& arena, std::string& scratch, Value& out);

/// As `time` above.
std::optional<UnixNanos> time_from_text(std::string_view text);

}  // namespace seyir::plugins
