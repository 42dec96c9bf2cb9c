// SPDX-License-Identifier: Apache-2.0
#include "collector/store/state/push_hashes.hpp"

#include "collector/store/format/keys.hpp"

namespace seyir::store {

Result<void> PushHashes::load(const Database& database, UnixNanos now) {
    *this = {};
    const std::string begin = key::push_time_prefix(now - kRemembered);
    const std::string end = key::prefix_end(key::push_time_prefix(UnixNanos::max()));
    return database.scan(
        Family::kMeta,
        begin,
        end,
        [&](std::string_view bytes, std::string_view) -> Result<bool> {
            if (const auto push = key::parse_push(bytes)) {
                remember(push->at, {push->tenant, push->hash});
            }
            return true;
        }
    );
}

bool PushHashes::knows(TenantId tenant, PushHash hash, UnixNanos now) const {
    const auto at = by_push_.find({tenant, hash});
    return at != by_push_.end() && now - at->second <= kRemembered;
}

void PushHashes::add_pending(TenantId tenant, PushHash hash, UnixNanos now, WriteSet& set) {
    set.put(Family::kMeta, key::push(now, tenant, hash), "");
    remember(now, {tenant, hash});
    ++pending_;
}

void PushHashes::take_back_pending() {
    for (; pending_ > 0 && !by_time_.empty(); --pending_) {
        by_push_.erase(by_time_.back().push);
        by_time_.pop_back();
    }
    pending_ = 0;
}

void PushHashes::expire(UnixNanos now, WriteSet& set) {
    const UnixNanos cutoff = now - kRemembered;
    if (by_time_.empty() || by_time_.front().at >= cutoff) {
        return;
    }
    while (!by_time_.empty() && by_time_.front().at < cutoff) {
        forget_oldest();
    }
    set.erase_range(
        Family::kMeta, key::push_time_prefix(UnixNanos::min()), key::push_time_prefix(cutoff)
    );
}

void PushHashes::remember(UnixNanos at, Push push) {
    by_push_[push] = at;
    by_time_.push_back({at, push});
    if (by_time_.size() > kPushHashesMax) {
        forget_oldest();
    }
}

void PushHashes::forget_oldest() {
    const Seen& oldest = by_time_.front();
    const auto at = by_push_.find(oldest.push);
    if (at != by_push_.end() && at->second == oldest.at) {
        by_push_.erase(at);
    }
    by_time_.pop_front();
}

}  // namespace seyir::store
