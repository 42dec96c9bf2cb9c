// SPDX-License-Identifier: Apache-2.0
// Input: where batches come from. It owns its threads and its byte budget; it hands each batch on
// with an ack token set and gives the budget back when the token resolves.
#pragma once

#include <functional>
#include <string>

#include "common/base/result.hpp"
#include "common/record/batch.hpp"

namespace seyir::pipeline {

/// Hands a finished batch to the engine. Never blocks and never fails: the answer comes through
/// the batch's ack token. Thread-safe.
using Submit = std::function<void(RecordBatchPtr)>;

/// What /health shows of a component.
struct ComponentHealth {
    bool ok = true;
    std::string message;  ///< what is wrong and what to do; "" when ok
};

class Input {
  public:
    virtual ~Input() = default;
    /// Binds, opens, starts threads. On error nothing runs.
    virtual Result<void> start(Submit submit) = 0;
    /// Stops taking in anything new; returns once no further batch will be submitted. Tokens may
    /// still resolve afterwards: the input must survive until they have.
    virtual void stop() = 0;
    virtual ComponentHealth health() const = 0;
};

}  // namespace seyir::pipeline
