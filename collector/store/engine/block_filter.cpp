// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/block_filter.hpp"

namespace seyir::store {

std::vector<gram::Key> collect_keys(const RecordBatch& block, gram::KeyCollector& collector) {
    for (size_t i = 0; i < block.row_count(); ++i) {
        collector.add(block.body(i));
    }
    return collector.take();
}

gram::KeyTree keys_of(const SelectQuery& query) {
    std::vector<Needle> all = {query.holds};
    for (const std::string& text : query.line_contains) {
        all.push_back(Needle::of(text));
    }
    return gram::make_key_tree(Needle::all(std::move(all)));
}

}  // namespace seyir::store
