// SPDX-License-Identifier: Apache-2.0
// Numbers, durations and byte sizes as LogQL reads them in queries and in label values.
// Threads: pure functions.   Errors: nothing where the text is none.
// Spec: Go's strconv.ParseFloat and time.ParseDuration, go-humanize's ParseBytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace seyir::logql {

std::optional<double> parse_number(std::string_view text);

/// "1h15m", "-1.5s", "0". Units ns us ms s m h; with `long_units` also d, w and y (365 days).
std::optional<int64_t> parse_duration_ns(std::string_view text, bool long_units = false);

/// "42MiB", "1.5 GB", "10", "5k": B, k/M/G/T/P/E with or without B (1000) or i, iB (1024), any
/// case.
std::optional<uint64_t> parse_byte_size(std::string_view text);

/// Why a text is no number, duration or byte size, in the words of the specification above.
std::string number_error(std::string_view text);
std::string duration_error(std::string_view text);
std::string byte_size_error(std::string_view text);

/// As Go prints a float in a sample: shortest text, 'f' form, "+Inf", "-Inf", "NaN".
std::string format_sample(double value);

}  // namespace seyir::logql
