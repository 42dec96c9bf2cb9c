// SPDX-License-Identifier: Apache-2.0
// What the filter of a segment is made of, and what it is asked.
// Room: rows of a block -> keys; SelectQuery -> keys a block must have.
// Threads: pure functions.   Soundness: every text a query can ask for is among a block's texts:
// lines, values of attributes and of stream labels.   Format: docs/format/segment.md ("Filter").
#pragma once

#include <vector>

#include "collector/store/gram/key_collector.hpp"
#include "collector/store/gram/key_tree.hpp"
#include "collector/store/log_store.hpp"

namespace seyir::store {

/// Lines and values.
std::vector<gram::Key> collect_keys(const RecordBatch& block, gram::KeyCollector& collector);

/// What lines cut into pieces leave out: values of attributes, labels and ids, odd escapes.
void add_values(const RecordBatch& block, gram::KeyCollector& collector);

gram::KeyTree keys_of(const SelectQuery& query);

}  // namespace seyir::store
