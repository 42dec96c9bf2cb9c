// SPDX-License-Identifier: Apache-2.0
#include "collector/services/store_positions.hpp"

#include <algorithm>

namespace seyir::collector {

Result<std::vector<pipeline::CommittedLane>> StorePositions::committed(
    TenantId tenant, AgentId agent, const std::vector<SourceKey>& lanes
) const {
    SEYIR_TRY(auto stored, store_.committed(tenant, agent, output_, lanes));
    std::ranges::sort(stored, {}, &store::CommittedPosition::key);
    std::vector<pipeline::CommittedLane> out;
    out.reserve(lanes.size());
    for (const SourceKey& key : lanes) {
        const auto at = std::ranges::lower_bound(stored, key, {}, &store::CommittedPosition::key);
        const bool known = at != stored.end() && at->key == key;
        out.push_back(
            {.key = key,
             .known = known,
             .committed = known ? at->committed : 0,
             .tail_hash = known ? at->tail_hash : 0}
        );
    }
    return out;
}

}  // namespace seyir::collector
