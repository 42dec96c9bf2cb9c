// SPDX-License-Identifier: Apache-2.0
// The output type `store`.   Threads: called while the catalogue is built.
#pragma once

#include "collector/store/store_options.hpp"
#include "common/component/types.hpp"

namespace seyir::collector {

class StorePlan final : public component::OutputPlan {
  public:
    explicit StorePlan(store::StoreOptions options) : options_(options) {}

    /// context.program must be CollectorServices.
    Result<std::unique_ptr<pipeline::Output>> instantiate(const component::RunContext& context
    ) override;

    const store::StoreOptions& options() const { return options_; }

  private:
    store::StoreOptions options_;
};

component::OutputType store_output_type();

}  // namespace seyir::collector
