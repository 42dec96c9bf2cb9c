// SPDX-License-Identifier: Apache-2.0
// HostMetricsOptions: what an operator can say about the agent's host sampler.
#pragma once

#include "agent/hostmetrics/host_selection.hpp"
#include "common/base/time.hpp"

namespace seyir::agent::hostmetrics {

struct HostMetricsOptions {
    bool enabled = true;
    Nanos interval = std::chrono::seconds(15);
    HostSelection selection;
};

}  // namespace seyir::agent::hostmetrics
