// SPDX-License-Identifier: Apache-2.0
// Labels that `| json` and `| logfmt` make of lines, from the lines' slots. What the slots do not
// prove to be what a parser would give (escapes, a name twice, an array's place, another format)
// needs the line. Threads: pure function.   Errors: kCorrupt.   Limits: RenderLimit.
#pragma once

#include <functional>
#include <span>

#include "collector/store/columns/decode/table_decoder.hpp"
#include "collector/store/line_wants.hpp"
#include "common/base/result.hpp"

namespace seyir::store::columns {

using ColumnOf = std::function<Result<const Column*>(uint32_t number)>;

/// `rows`: of the block; place i of `out` is that of rows[i]. Rows that `out.has_line` does not
/// have already get it where their line is needed.
Result<void> find_json_labels(
    const TableHead& lines,
    const LineWants& wants,
    std::span<const uint32_t> rows,
    RenderLimit& limit,
    const ColumnOf& column,
    LineValues& out
);

}  // namespace seyir::store::columns
