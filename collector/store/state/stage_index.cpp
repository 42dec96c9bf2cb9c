// SPDX-License-Identifier: Apache-2.0
#include "collector/store/state/stage_index.hpp"

namespace seyir::store {

void StageIndex::append(StageEntry entry) {
    if (last_count_ == kChunkEntries) {
        chunks_.push_back(std::make_shared<Chunk>());
        last_count_ = 0;
    }
    payload_bytes_ += entry.payload_bytes;
    raw_bytes_ += entry.raw_bytes;
    rows_ += entry.rows;
    (*chunks_.back())[last_count_++] = std::move(entry);
}

void StageIndex::remove_if(const std::function<bool(const StageEntry&)>& is_gone) {
    StageIndex kept;
    snapshot().for_each([&](const StageEntry& entry) {
        if (!is_gone(entry)) {
            kept.append(entry);
        }
    });
    *this = std::move(kept);
}

StageIndex::Snapshot StageIndex::snapshot() const {
    Snapshot out;
    out.chunks_.assign(chunks_.begin(), chunks_.end());
    out.last_count_ = chunks_.empty() ? 0 : last_count_;
    return out;
}

size_t StageIndex::size() const {
    return chunks_.empty() ? 0 : (chunks_.size() - 1) * kChunkEntries + last_count_;
}

}  // namespace seyir::store
