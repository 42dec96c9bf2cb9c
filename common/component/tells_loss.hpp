// SPDX-License-Identifier: Apache-2.0
// TellsLoss: implemented by plans of outputs whose far side may be away for long: whom the program
// tells then (`on_collector_lost`).
// Threads: immutable.
#pragma once

#include <vector>

#include "common/component/types.hpp"

namespace seyir::component {

/// Whom to tell when an output's far side has been away for `after`, and when it is back.
struct LossNotice {
    Nanos after{0};
    std::vector<config::NamedPlace> to;  ///< outputs
};

class TellsLoss {
  public:
    virtual ~TellsLoss() = default;
    /// nullptr: nobody.
    virtual const LossNotice* loss_notice() const = 0;
};

/// Of a plan, whatever its type.
inline const LossNotice* loss_notice_of(const OutputPlan* plan) {
    const auto* tells = dynamic_cast<const TellsLoss*>(plan);
    return tells == nullptr ? nullptr : tells->loss_notice();
}

}  // namespace seyir::component
