// SPDX-License-Identifier: Apache-2.0
// due_parts(): the segments a rule says are to go, by day and retention.
// Room: View + DropRule -> PartReports.   Threads: one call at a time on the same StagedCounts.
// Cost: due_parts() walks the days past the shortest retention; a staged batch is read once.
// Errors: kIo, kCorrupt when the catalogue cannot be read.
#pragma once

#include <functional>
#include <unordered_map>
#include <vector>

#include "collector/store/engine/core.hpp"

namespace seyir::store {

/// What staged batches hold, which never changes: counted once, whatever the policy. Only of those
/// that begin early enough, and of none that is gone.
struct StagedCounts {
    struct Count {
        Day day;
        StreamId stream = 0;
        uint64_t rows = 0;
        uint64_t raw_bytes = 0;
    };

    struct Batch {
        uint64_t xxh3 = 0;
        std::vector<Count> counts;
    };

    std::unordered_map<CommitNumber, Batch> batches;
};

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
/// staged batches that begin early enough, each once.
Result<std::vector<PartReport>> staged_parts(
    Core& core, const View& view, const DropRule& rule, StagedCounts& known
);

}  // namespace seyir::store
