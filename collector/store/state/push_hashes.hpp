// SPDX-License-Identifier: Apache-2.0
// PushHashes: the bodies pushed in the last ten minutes, so that a client's retry of the same push
// is not stored twice. Persisted with the rows; a restart keeps them.
// Threads: the committer's alone.   Limits: kPushHashesMax; beyond it the oldest are forgotten.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "collector/store/disk/database.hpp"
#include "common/record/batch.hpp"

namespace seyir::store {

class PushHashes {
  public:
    static constexpr size_t kPushHashesMax = 262'144;
    static constexpr Nanos kRemembered = std::chrono::minutes(10);

    Result<void> load(const Database& database, UnixNanos now);
    bool knows(TenantId tenant, PushHash hash, UnixNanos now) const;
    /// Remembers it with the write being built.
    void add_pending(TenantId tenant, PushHash hash, UnixNanos now, WriteSet& set);

    void keep_pending() { pending_ = 0; }

    void take_back_pending();
    /// Forgets what is too old, in memory and with the write being built.
    void expire(UnixNanos now, WriteSet& set);

  private:
    using Push = std::pair<TenantId, PushHash>;

    struct Seen {
        UnixNanos at;
        Push push;
    };

    void remember(UnixNanos at, Push push);
    void forget_oldest();

    std::map<Push, UnixNanos> by_push_;
    std::deque<Seen> by_time_;
    size_t pending_ = 0;
};

}  // namespace seyir::store
