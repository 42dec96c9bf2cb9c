// SPDX-License-Identifier: Apache-2.0
// Counts of a block's rows for its catalogue row.
// Threads: pure function.   Cost: the level of each row (common/record/level.hpp).
#pragma once

#include <vector>

#include "collector/store/format/block_header.hpp"
#include "collector/store/format/catalogue_rows.hpp"
#include "common/record/batch.hpp"

namespace seyir::store {

/// Fills row.runs and row.has_level_attrs. Requires: the batch's rows in the order of `runs`.
void count_runs(const RecordBatch& batch, const std::vector<StreamRun>& runs, BlockRow& row);

/// True for an attribute that is shown as label `level` or `detected_level` (or may be).
bool is_shown_as_level(std::string_view attribute);

}  // namespace seyir::store
