// SPDX-License-Identifier: Apache-2.0
// Output: where views of batches end. The completion form instead of the design's Awaitable keeps
// the engine and its tests free of an event loop (docs/adr/0006-completions-not-awaitables.md).
#pragma once

#include <functional>

#include "common/pipeline/input.hpp"
#include "common/record/ack_token.hpp"
#include "common/record/batch.hpp"

namespace seyir::pipeline {

/// Called exactly once per deliver(), from any thread, possibly before deliver() returns.
using DeliverDone = std::move_only_function<void(DeliveryReport)>;

class Output {
  public:
    virtual ~Output() = default;
    virtual Result<void> start() = 0;
    /// Takes the rows and, once they are durable at the far side (or can never be), answers.
    /// [Threading] called from any thread, concurrently; must not block: a full output holds the
    /// view (the inputs' budgets bound what it can hold) and answers later.
    virtual void deliver(BatchView view, DeliverDone done) = 0;
    /// Answers everything still held (kRetry where unknown) by `deadline`, then ends its threads.
    virtual void stop(SteadyTime deadline) = 0;
    virtual ComponentHealth health() const = 0;

    /// True for outputs that commit SourcePositions: they get every batch of a routed source, with
    /// the rows a route chose, possibly none.
    virtual bool keeps_positions() const { return false; }

    /// True for outputs that take metric samples (samples::is_metrics); others get records only.
    virtual bool takes_metrics() const { return false; }
};

}  // namespace seyir::pipeline
