// SPDX-License-Identifier: Apache-2.0
// LineScan: which rows of a block have what an automaton looks for. First each shape is read with
// sets of states: what its columns may lead to, without their values where their form tells. Only
// where that may find something are rows read, and only from the last place where all are in one
// state.
// Threads: one at a time.   Errors: kCorrupt.   Limits: `raw_bytes` of rendered text, RenderLimit.
#pragma once

#include <span>
#include <vector>

#include "collector/store/columns/decode/line_columns.hpp"

namespace seyir::store::columns {

enum class Holds : uint8_t { kNo, kMaybe, kYes };

/// By row of `rows`. kNo and kYes are certain.
Result<std::vector<Holds>> scan_lines(
    LineColumns& lines,
    const TextAutomaton& automaton,
    uint64_t raw_bytes,
    std::span<const uint32_t> rows
);

}  // namespace seyir::store::columns
