// SPDX-License-Identifier: Apache-2.0
// due_parts(): the segments a rule says are to go, by day and retention.
// Room: View + DropRule -> PartReports.   Threads: pure function.
// Errors: kIo, kCorrupt when the catalogue cannot be read.
#pragma once

#include <functional>
#include <vector>

#include "collector/store/engine/core.hpp"

namespace seyir::store {

/// Each by rising day; of one day those past a longer retention last, then those that go for their
/// size.
struct DueParts {
    std::vector<PartReport> dropped;
    std::vector<PartReport> held_back;  ///< still there: they count for the size, and may go for it
};

/// `is_held`: asked of each part that is past its retention, in that order.
Result<DueParts> due_parts(
    Core& core,
    const View& view,
    const DropRule& rule,
    const std::function<bool(const PartReport&)>& is_held
);

/// Rows past their retention that are staged, by day and retention, without segments. Reads the
/// staged batches that begin early enough.
Result<std::vector<PartReport>> staged_parts(Core& core, const View& view, const DropRule& rule);

}  // namespace seyir::store
