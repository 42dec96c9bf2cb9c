// SPDX-License-Identifier: Apache-2.0
#include "collector/store/state/lane_table.hpp"

namespace seyir::store {

Result<std::optional<LaneState>> LaneTable::find(const Database& database, const std::string& key) {
    if (const auto at = pending_.find(key); at != pending_.end()) {
        return std::optional(at->second);
    }
    if (const auto at = cache_.find(key); at != cache_.end()) {
        return at->second;
    }
    SEYIR_TRY(const auto bytes, database.get(Family::kLane, key));
    std::optional<LaneState> state;
    if (bytes) {
        SEYIR_TRY(state, decode_lane(*bytes));
    }
    if (cache_.size() >= kCachedLanesMax) {
        cache_.clear();
    }
    cache_[key] = state;
    return state;
}

void LaneTable::set_pending(const std::string& key, LaneState state) {
    pending_[key] = std::move(state);
}

Result<uint32_t> LaneTable::epoch(const Database& database, const std::string& key) {
    if (const auto at = epochs_.find(key); at != epochs_.end()) {
        return at->second;
    }
    SEYIR_TRY(const auto bytes, database.get(Family::kMeta, key));
    uint64_t epoch = 0;
    if (bytes) {
        SEYIR_TRY(epoch, decode_u64(*bytes));
    }
    set_epoch(key, static_cast<uint32_t>(epoch));
    return static_cast<uint32_t>(epoch);
}

void LaneTable::set_epoch(const std::string& key, uint32_t epoch) {
    if (epochs_.size() >= kCachedLanesMax) {
        epochs_.clear();
    }
    epochs_[key] = epoch;
}

void LaneTable::put_pending(WriteSet& set) const {
    for (const auto& [key, state] : pending_) {
        set.put(Family::kLane, key, encode(state));
    }
}

void LaneTable::keep_pending() {
    for (auto& [key, state] : pending_) {
        cache_[key] = std::move(state);
    }
    pending_.clear();
}

void LaneTable::forget() {
    cache_.clear();
    pending_.clear();
    epochs_.clear();
}

}  // namespace seyir::store
