// SPDX-License-Identifier: Apache-2.0
#include "ctl/follow_cursor.hpp"

#include <algorithm>

#include <xxhash.h>

namespace seyir::ctl {

namespace {

uint64_t identity_of(const RowView& row) {
    uint64_t hash =
        XXH3_64bits_withSeed(row.line.data(), row.line.size(), static_cast<uint64_t>(row.ts.value));
    for (const LabelList* list : {row.labels, &row.attributes}) {
        for (const auto& [name, value] : *list) {
            hash = XXH3_64bits_withSeed(name.data(), name.size(), hash);
            hash = XXH3_64bits_withSeed(value.data(), value.size(), hash);
        }
    }
    return hash;
}

}  // namespace

bool FollowCursor::is_new(const RowView& row) {
    const uint64_t identity = identity_of(row);
    const uint32_t count = ++in_poll_[identity];
    newest_ = std::max(newest_, row.ts);
    auto& seen = seen_[identity];
    seen.ts = row.ts;
    if (count <= seen.count) {
        return false;
    }
    seen.count = count;
    return true;
}

void FollowCursor::end_poll() {
    if (newest_ != UnixNanos::min()) {
        from_ = std::max(from_, newest_ - look_back_);
    }
    std::erase_if(seen_, [this](const auto& entry) { return entry.second.ts < from_; });
    std::erase_if(in_poll_, [this](const auto& entry) { return !seen_.contains(entry.first); });
}

}  // namespace seyir::ctl
