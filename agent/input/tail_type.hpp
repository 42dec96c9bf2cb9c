// SPDX-License-Identifier: Apache-2.0
// The input type `tail`.   Threads: called while the catalogue is built.
#pragma once

#include "agent/input/tail_options.hpp"
#include "common/component/types.hpp"

namespace seyir::agent::input {

class TailPlan final : public component::InputPlan {
  public:
    explicit TailPlan(TailOptions options) : options_(std::move(options)) {}

    /// context.program must be AgentServices.
    Result<std::unique_ptr<pipeline::Input>> instantiate(const component::InputContext& context
    ) override;

    bool has_positions() const override { return true; }

    const TailOptions& options() const { return options_; }

    /// Rules of a `multiline` filter that is the first behind this input on every route
    /// (plugins::MultilinePlan::rules()). Before instantiate().
    void set_multiline(multiline::Multiline rules) { options_.multiline = std::move(rules); }

  private:
    TailOptions options_;
};

component::InputType tail_input_type();

}  // namespace seyir::agent::input
