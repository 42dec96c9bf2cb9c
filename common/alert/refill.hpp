// SPDX-License-Identifier: Apache-2.0
// RefillSource: where a rule's window comes from when a program starts or a rule is new: what a
// store holds of the last minutes. A program that has a store gives one in its ProgramServices
// (common/component/types.hpp); an agent has none.
// Threads: read() is called on the loading thread.
#pragma once

#include <functional>

#include "common/alert/rule.hpp"
#include "common/base/result.hpp"
#include "common/record/batch.hpp"

namespace seyir::alert {

class RefillSource {
  public:
    virtual ~RefillSource() = default;
    /// Calls `each` with stored records of the range, all that the rule may match at least; the
    /// rule tests them again. What was given before an error counts.
    virtual Result<void> read(
        const Rule& rule, TimeRange range, const std::function<void(const BatchView&)>& each
    ) = 0;
};

}  // namespace seyir::alert
