// SPDX-License-Identifier: Apache-2.0
// The output type `collector` as an agent has it: it sends source positions under this agent's id.
// Threads: called while the catalogue is built.
#pragma once

#include <utility>

#include "common/component/tells_loss.hpp"
#include "common/component/types.hpp"
#include "common/ship/collector_output_options.hpp"

namespace seyir::agent {

class CollectorPlan final : public component::OutputPlan, public component::TellsLoss {
  public:
    explicit CollectorPlan(ship::CollectorOutputOptions options)
        : options_(std::move(options)), notice_{options_.lost_after, options_.lost_to} {}

    /// context.program must be AgentServices.
    Result<std::unique_ptr<pipeline::Output>> instantiate(const component::RunContext& context
    ) override;

    component::BufferDefault buffer_default() const override {
        return component::BufferDefault::kSpool;
    }

    const component::LossNotice* loss_notice() const override {
        return notice_.to.empty() ? nullptr : &notice_;
    }

    const ship::CollectorOutputOptions& options() const { return options_; }

  private:
    ship::CollectorOutputOptions options_;
    component::LossNotice notice_;
};

component::OutputType collector_output_type();

}  // namespace seyir::agent
