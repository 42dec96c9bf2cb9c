// SPDX-License-Identifier: Apache-2.0
#include "collector/store/state/stream_table.hpp"

#include <algorithm>

namespace seyir::store {

void StreamTable::load(TenantId tenant, StreamId id, StreamLabelsPtr labels) {
    const std::lock_guard lock(mutex_);
    Tenant& table = tenants_[tenant];
    table.by_fingerprint[labels->fingerprint()] = id;
    table.next = std::max(table.next, id + 1);
    size_ += table.by_id.insert_or_assign(id, std::move(labels)).second ? 1 : 0;
}

std::optional<StreamId> StreamTable::add(
    TenantId tenant, const StreamLabelsPtr& labels, std::vector<Pending>& pending
) {
    const std::lock_guard lock(mutex_);
    Tenant& table = tenants_[tenant];
    const auto known = table.by_fingerprint.find(labels->fingerprint());
    if (known != table.by_fingerprint.end()) {
        return known->second;
    }
    if (size_ >= streams_max_) {
        return std::nullopt;
    }
    const StreamId id = table.next++;
    table.by_fingerprint[labels->fingerprint()] = id;
    table.by_id[id] = labels;
    ++size_;
    pending.push_back({tenant, id, labels});
    return id;
}

void StreamTable::take_back(const std::vector<Pending>& pending) {
    const std::lock_guard lock(mutex_);
    // The numbers stay used: the failed write may still surface when the database is reopened.
    for (const Pending& stream : pending) {
        Tenant& table = tenants_[stream.tenant];
        table.by_fingerprint.erase(stream.labels->fingerprint());
        table.by_id.erase(stream.id);
        --size_;
    }
}

StreamLabelsPtr StreamTable::labels(TenantId tenant, StreamId id) const {
    const std::lock_guard lock(mutex_);
    const auto table = tenants_.find(tenant);
    if (table == tenants_.end()) {
        return nullptr;
    }
    const auto at = table->second.by_id.find(id);
    return at == table->second.by_id.end() ? nullptr : at->second;
}

uint64_t StreamTable::size() const {
    const std::lock_guard lock(mutex_);
    return size_;
}

std::vector<TenantId> StreamTable::tenants() const {
    const std::lock_guard lock(mutex_);
    std::vector<TenantId> out;
    for (const auto& [tenant, streams] : tenants_) {
        out.push_back(tenant);
    }
    return out;
}

}  // namespace seyir::store
