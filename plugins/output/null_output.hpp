// SPDX-License-Identifier: Apache-2.0
// NullOutput: forgets rows and says so (reason `null_output`), for measuring what comes before it.
#pragma once

#include "common/pipeline/output.hpp"

namespace seyir::plugins {

class NullOutput final : public pipeline::Output {
  public:
    Result<void> start() override { return {}; }

    void deliver(BatchView view, pipeline::DeliverDone done) override {
        done(
            {.outcome = Outcome::kDropped,
             .dropped = static_cast<uint32_t>(view.row_count()),
             .reason = "null_output"}
        );
    }

    void stop(SteadyTime /*deadline*/) override {}

    pipeline::ComponentHealth health() const override { return {}; }
};

}  // namespace seyir::plugins
