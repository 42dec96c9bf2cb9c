// SPDX-License-Identifier: Apache-2.0
// Sorts rows of many batches and puts stretches of them into batches of their own: the blocks of a
// segment. Bodies and values are shared with the batches they came from, not copied.
// Threads: one at a time.   Ownership: a built batch keeps its sources alive.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "collector/store/format/block_header.hpp"
#include "common/record/batch.hpp"

namespace seyir::store {

/// A row where it lies, with what it is sorted by.
struct RowRef {
    StreamId stream = 0;
    uint32_t row = 0;
    UnixNanos ts;
    uint32_t order = 0;  ///< in which it was committed
    const RecordBatchPtr* batch = nullptr;
};

/// By (stream, time); rows equal in both stay in the order they were committed in.
void sort_rows(std::vector<RowRef>& rows);

struct Block {
    std::shared_ptr<RecordBatch> batch;
    std::vector<StreamRun> runs;
};

/// Requires: `rows` sorted and not empty. Positions and acks are left behind.
Block build_block(TenantId tenant, std::span<const RowRef> rows);

}  // namespace seyir::store
