// SPDX-License-Identifier: Apache-2.0
// RefillSource: where a rule's window comes from when a program starts or a rule is new: what a
// store holds of the last minutes. The collector gives one to each plan that wants it
// (WantsRefill), before the plan's first instance is made; an agent has none.
// Threads: read() is called on the loading thread.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "common/base/result.hpp"
#include "common/record/batch.hpp"

namespace seyir::alert {

class RefillSource {
  public:
    virtual ~RefillSource() = default;
    /// Calls `each` with stored records of the range, all that the selector of `condition` picks at
    /// least; the rule tests them again.
    virtual Result<void> read(
        std::string_view condition,
        TimeRange range,
        const std::function<void(const BatchView&)>& each
    ) = 0;
};

/// A FilterPlan that has a window to fill.
class WantsRefill {
  public:
    virtual ~WantsRefill() = default;
    virtual void set_refill(std::shared_ptr<RefillSource> source) = 0;
};

}  // namespace seyir::alert
