// SPDX-License-Identifier: Apache-2.0
// The filter `log_to_metric`: a counter, gauge or histogram from records, at the program's
// /metrics. Records pass as they came.
// Room: BatchView -> the same BatchView, and metrics::Registry.
// Threads: instances share the series; instruments are atomics.
// Errors: a value that is no number is counted and nothing else; records that a source sends again
// are counted again.
// Limits: `max_series`; a label value of 1 KiB and UTF-8, else the record counts as `other`.
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::FilterType log_to_metric_filter_type();

}  // namespace seyir::plugins
