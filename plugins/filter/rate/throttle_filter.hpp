// SPDX-License-Identifier: Apache-2.0
// The filter `throttle`: at most so many records a window for each key; the rest ends, counted as
// `throttled`. A token bucket a key, shared by all workers.
// Room: BatchView -> a smaller BatchView of the same batch.
// Threads: instances share the buckets behind one lock, taken once a batch.
// Limits: `max_keys`; the key not seen for longest gives up its bucket (counted).
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::FilterType throttle_filter_type();

}  // namespace seyir::plugins
