// SPDX-License-Identifier: Apache-2.0
// concat_views: several views as one batch, for outputs that commit what one source batch yields in
// one write. The bytes are shared with the views' batches, not copied.
// Threads: pure.   Limits: all parts together have at most 65,535 streams, like any batch; more
// streams than that are an assertion (parts of one source batch share theirs).
#pragma once

#include <vector>

#include "common/record/batch.hpp"

namespace seyir {

/// Rows of all parts in order. Positions and provenance are those of `parts.front()`; all parts
/// must come from one source batch. Requires: at least one part.
RecordBatchPtr concat_views(const std::vector<BatchView>& parts);

}  // namespace seyir
