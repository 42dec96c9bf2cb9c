// SPDX-License-Identifier: Apache-2.0
// CollectorServices: what the collector's own inputs and outputs need of the running program.
// Threads: used while a graph is built.   Ownership: borrows; the program outlives its components.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/services/agent_tokens.hpp"
#include "collector/services/intake_brake.hpp"
#include "collector/services/internal_events.hpp"
#include "collector/services/relay_target.hpp"
#include "collector/store/log_store.hpp"
#include "common/component/types.hpp"
#include "common/pipeline/position_source.hpp"

namespace seyir::collector {

/// The number of the one store output a pipeline has; part of the lane keys on disk.
inline constexpr uint16_t kStoreOutput = 0;

/// Which input takes what an agent relays to a path: `is_ready` is false while none is known yet.
struct FoundRelayTarget {
    bool is_ready = false;
    std::shared_ptr<RelayTarget> target;
};

using FindRelayTarget = std::function<FoundRelayTarget(std::string_view path)>;

/// The outputs that the records of an `agents` input, and what is relayed to it, go to and that
/// keep positions. Nothing: the pipeline does not run yet.
using FindPositionKeepers = std::function<std::optional<
    std::vector<std::shared_ptr<const pipeline::PositionKeeper>>>(const std::string& input)>;

class CollectorServices final : public component::ProgramServices {
  public:
    explicit CollectorServices(
        store::LogStore& log_store,
        alert::RefillSource* refill = nullptr,
        std::shared_ptr<const AgentTokens> joined = nullptr
    )
        : store(log_store), agent_tokens(std::move(joined)), refill_(refill) {}

    alert::RefillSource* alert_refill() override { return refill_; }

    store::LogStore& store;
    std::shared_ptr<const AgentTokens> agent_tokens;  ///< of agents that joined; may be none
    InternalEvents events;
    std::shared_ptr<IntakeBrake> brake = std::make_shared<IntakeBrake>();
    FindRelayTarget find_relay_target;
    FindPositionKeepers find_position_keepers;

  private:
    alert::RefillSource* const refill_;
};

}  // namespace seyir::collector
