// SPDX-License-Identifier: Apache-2.0
// The filter `dedupe`: records equal in chosen fields, within a window from the first of them.
//   mode drop       the first passes, repeats end, counted as `repeated`; memory shared by workers
//   mode summarize  the first waits until the window ends and then goes on with `repeated: N`
// A source that sends a batch again (its first delivery failed) does not lose records to its own
// first attempt: a repeat of the same stretch of the same source, or of the same push, passes.
// Room: BatchView -> a smaller BatchView; summaries are batches of their own without positions.
// Threads: instances share the memory of `drop` behind one lock, taken once a batch; each instance
// of `summarize` holds its own records.
// Limits: `max_keys`; beyond it the key not seen for longest is forgotten (drop) or ends early
// (summarize), counted.
#pragma once

#include "common/component/types.hpp"

namespace seyir::plugins {

component::FilterType dedupe_filter_type();

}  // namespace seyir::plugins
