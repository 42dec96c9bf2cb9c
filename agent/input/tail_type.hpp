// SPDX-License-Identifier: Apache-2.0
// The input type `tail`.   Threads: called while the catalogue is built.
#pragma once

#include "agent/input/tail_options.hpp"
#include "common/component/types.hpp"

namespace seyir::agent::input {

class TailPlan : public component::InputPlan {
  public:
    explicit TailPlan(TailOptions options) : options_(std::move(options)) {}

    /// context.program must be AgentServices.
    Result<std::unique_ptr<pipeline::Input>> instantiate(const component::InputContext& context
    ) override;

    bool has_positions() const override { return true; }

    /// Joins lines itself, before it cuts batches, by the rules of a `multiline` filter that comes
    /// first in a route; not when it has rules of its own.
    bool takes_over(const component::FilterPlan& filter) const override;

    const TailOptions& options() const { return options_; }

  protected:
    static Result<std::unique_ptr<pipeline::Input>> make(
        TailOptions options, const component::InputContext& context
    );

  private:
    TailOptions options_;
};

component::InputType tail_input_type();

/// Globs of `include` and `exclude` that make no sense become diagnostics.
void check_file_globs(const config::ObjectReader& r, component::PlanContext& context);

}  // namespace seyir::agent::input
