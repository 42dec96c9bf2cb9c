// SPDX-License-Identifier: Apache-2.0
// StoreOutput: the pipeline's end in a LogStore. Turns a view into one Commit and the store's
// answer into a DeliveryReport; holds nothing itself.
// Threads: thread-safe; answers come on the store's committer thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "collector/services/store_positions.hpp"
#include "collector/store/log_store.hpp"
#include "common/pipeline/output.hpp"

namespace seyir::collector {

class StoreOutput final : public pipeline::Output, public pipeline::PositionKeeper {
  public:
    /// `output` numbers the store outputs of a pipeline; it is part of the lane key on disk, so an
    /// output keeps its number for ever. The store outlives this object.
    StoreOutput(store::LogStore& store, uint16_t output);

    Result<void> start() override { return {}; }

    void deliver(BatchView view, pipeline::DeliverDone done) override;

    /// The store answers everything it has taken before it closes; nothing is held here.
    void stop(SteadyTime /*deadline*/) override {}

    pipeline::ComponentHealth health() const override;

    bool keeps_positions() const override { return true; }

    bool takes_metrics() const override { return true; }

    Result<std::vector<pipeline::CommittedLane>> committed(
        TenantId tenant, AgentId agent, const std::vector<SourceKey>& lanes
    ) const override {
        return positions_.committed(tenant, agent, lanes);
    }

  private:
    DeliveryReport to_report(Result<store::Durable> durable);
    /// None: it works.
    void note_failure(const std::optional<Error>& failure);

    store::LogStore& store_;
    const uint16_t output_;
    const StorePositions positions_;
    mutable std::mutex mutex_;
    std::string failure_;
    std::optional<ErrorCode> code_;  ///< of failure_
};

}  // namespace seyir::collector
