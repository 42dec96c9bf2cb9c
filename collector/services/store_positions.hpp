// SPDX-License-Identifier: Apache-2.0
// StorePositions: how far sources are in one output of the store.
// Threads: thread-safe; reads the disk.   Ownership: the store outlives it.
#pragma once

#include <cstdint>
#include <vector>

#include "collector/store/log_store.hpp"
#include "common/pipeline/position_source.hpp"

namespace seyir::collector {

class StorePositions final : public pipeline::PositionKeeper {
  public:
    StorePositions(store::LogStore& store, uint16_t output) : store_(store), output_(output) {}

    Result<std::vector<pipeline::CommittedLane>> committed(
        TenantId tenant, AgentId agent, const std::vector<SourceKey>& lanes
    ) const override;

  private:
    store::LogStore& store_;
    const uint16_t output_;
};

}  // namespace seyir::collector
