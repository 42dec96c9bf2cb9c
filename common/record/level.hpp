// SPDX-License-Identifier: Apache-2.0
// The level of a record that says none by its severity: found in stream labels, attributes or the
// line, so that every record has a detected_level. docs/reference/detected-level.md has the rules.
// Threads: pure functions.   Limits: the first kLevelScanBytes of a line are looked at.
// Spec: Grafana Loki's discover_log_levels (which fields, which words).
#pragma once

#include <string_view>

#include "common/record/batch.hpp"

namespace seyir {

/// The label under which a record's level is shown.
inline constexpr std::string_view kDetectedLevel = "detected_level";

inline constexpr size_t kLevelScanBytes = 1024;

/// How many different words level_name has.
inline constexpr size_t kLevels = 8;

/// 0 = unknown, then trace, debug, info, warn, error, critical, fatal. On disk: never renumber.
uint8_t level_index(SeverityNumber severity);
std::string_view level_word(uint8_t index);

/// "level", "severity", "lvl" and the like, any case.
bool is_level_name(std::string_view name);

/// JSON member, logfmt pair, klog prefix or a level word, in this order; 0 when there is none.
SeverityNumber level_of_line(std::string_view line);

/// The level a stream's labels say; 0 when they say none.
SeverityNumber level_of_labels(const StreamLabels& labels);

/// Severity, else stream labels, else attributes, else the line; 0 when nothing says it.
SeverityNumber level_of_row(const RecordBatch& batch, uint32_t row);

}  // namespace seyir
