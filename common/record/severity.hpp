// SPDX-License-Identifier: Apache-2.0
// Severity numbers of the OpenTelemetry logs data model (0 = unspecified, 1-24 in six bands of 4).
#pragma once

#include <cstdint>
#include <string_view>

namespace seyir {

using SeverityNumber = uint8_t;

inline constexpr SeverityNumber kSeverityUnset = 0;
inline constexpr SeverityNumber kSeverityTrace = 1;
inline constexpr SeverityNumber kSeverityDebug = 5;
inline constexpr SeverityNumber kSeverityInfo = 9;
inline constexpr SeverityNumber kSeverityWarn = 13;
inline constexpr SeverityNumber kSeverityError = 17;
inline constexpr SeverityNumber kSeverityFatal = 21;

/// Loki's detected_level words: "trace", "debug", "info", "warn", "error", "critical"; "unknown"
/// for 0.
std::string_view level_name(SeverityNumber severity);

/// From the words people log ("WARNING", "err", "I", "notice", ...), any case; 0 when unknown.
SeverityNumber severity_from_text(std::string_view text);

}  // namespace seyir
