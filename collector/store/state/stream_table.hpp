// SPDX-License-Identifier: Apache-2.0
// StreamTable: stream labels <-> stream ids. A new id counts once its row is written with the rows
// that need it; until then it is pending and can be taken back.
// Threads: thread-safe; add, keep and take_back are the committer's.
// Limits: streams_max over all tenants.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "collector/store/format/rows.hpp"

namespace seyir::store {

class StreamTable {
  public:
    explicit StreamTable(uint64_t streams_max) : streams_max_(streams_max) {}

    struct Pending {
        TenantId tenant = TenantId::kDefault;
        StreamId id = 0;
        StreamLabelsPtr labels;
    };

    /// From disk, in any order.
    void load(TenantId tenant, StreamId id, StreamLabelsPtr labels);
    /// The id; a new one is also put on `pending`. Nothing: the limit is reached.
    std::optional<StreamId> add(
        TenantId tenant, const StreamLabelsPtr& labels, std::vector<Pending>& pending
    );
    void take_back(const std::vector<Pending>& pending);

    /// Null for an id never seen.
    StreamLabelsPtr labels(TenantId tenant, StreamId id) const;
    uint64_t size() const;
    /// Those that ever had a stream, rising.
    std::vector<TenantId> tenants() const;

  private:
    struct Tenant {
        std::unordered_map<StreamFingerprint, StreamId> by_fingerprint;
        std::unordered_map<StreamId, StreamLabelsPtr> by_id;
        StreamId next = 1;
    };

    mutable std::mutex mutex_;
    std::map<TenantId, Tenant> tenants_;
    uint64_t streams_max_;
    uint64_t size_ = 0;
};

}  // namespace seyir::store
