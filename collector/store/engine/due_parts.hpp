// SPDX-License-Identifier: Apache-2.0
// due_parts(): the segments a rule says are to go, by day and retention.
// Room: View + DropRule -> PartReports.   Threads: pure function.
// Errors: kIo, kCorrupt when the catalogue cannot be read.
#pragma once

#include <vector>

#include "collector/store/engine/core.hpp"

namespace seyir::store {

/// By rising day; of one day those past a longer retention last, then those that go for their size.
Result<std::vector<PartReport>> due_parts(Core& core, const View& view, const DropRule& rule);

/// Rows past their retention that are staged, by day and retention, without segments. Reads the
/// staged batches that begin early enough.
Result<std::vector<PartReport>> staged_parts(Core& core, const View& view, const DropRule& rule);

}  // namespace seyir::store
