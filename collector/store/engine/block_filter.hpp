// SPDX-License-Identifier: Apache-2.0
// What the filter of a segment is made of, and what it is asked.
// Room: rows of a block -> columns and keys; SelectQuery -> keys a block must have.
// Threads: those of the encoder and the collector.   Soundness: every text a query can ask for is
// among a block's texts: lines, values of attributes and of stream labels.   Format:
// docs/format/segment.md ("Filter").
#pragma once

#include <vector>

#include "collector/store/columns/block_encoder.hpp"
#include "collector/store/gram/key_collector.hpp"
#include "collector/store/gram/key_tree.hpp"
#include "collector/store/log_store.hpp"

namespace seyir::store {

struct FilteredBlock {
    columns::EncodedBlock encoded;
    std::vector<gram::Key> keys;
};

/// Keys are made of the pieces the encoder cuts lines into, each distinct one about once: they
/// include those of the lines (columns/encode/distinct_values.hpp). And of values of attributes,
/// labels and ids.
FilteredBlock encode_block(
    const RecordBatch& block, columns::BlockEncoder& encoder, gram::KeyCollector& collector
);

gram::KeyTree keys_of(const SelectQuery& query);

}  // namespace seyir::store
