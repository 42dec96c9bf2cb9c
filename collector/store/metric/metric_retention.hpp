// SPDX-License-Identifier: Apache-2.0
// MetricRetention: drops days of metric samples past RocksStoreOptions::metrics_retention.
// Threads: one at a time (the store's maintain()).   Errors: kIo; nothing is dropped then.
// Ownership: borrows.
#pragma once

#include <optional>

#include "collector/store/engine/committer.hpp"
#include "collector/store/engine/core.hpp"

namespace seyir::store {

class MetricRetention {
  public:
    MetricRetention(Core& core, Committer& committer) : core_(core), committer_(committer) {}

    /// Looks once an hour, and at the first call.
    Result<void> run();

  private:
    Core& core_;
    Committer& committer_;
    std::optional<SteadyTime> looked_at_;
};

}  // namespace seyir::store
