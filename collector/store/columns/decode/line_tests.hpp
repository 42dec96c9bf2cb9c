// SPDX-License-Identifier: Apache-2.0
// Line tests asked of columns: which rows of a block may pass, without putting lines together.
// Threads: one at a time.   Errors: kCorrupt.   Limits: `raw_bytes` of rendered text.
#pragma once

#include <vector>

#include "collector/store/columns/decode/line_columns.hpp"
#include "collector/store/line_wants.hpp"

namespace seyir::store::columns {

/// Of `chosen` those that may pass all tests; `is_sure` by row of those: 1 = it does.
Result<void> test_lines(
    LineColumns& lines,
    uint64_t raw_bytes,
    const std::vector<LineTest>& tests,
    std::vector<uint32_t>& chosen,
    std::vector<uint8_t>& is_sure
);

}  // namespace seyir::store::columns
