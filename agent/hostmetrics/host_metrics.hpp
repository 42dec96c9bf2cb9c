// SPDX-License-Identifier: Apache-2.0
// HostMetrics: the host sampler as part of the program's /metrics.
// Threads: thread-safe after construction.   Ownership: the registry keeps the sampler alive.
#pragma once

#include <memory>

#include "agent/hostmetrics/host_metrics_options.hpp"
#include "agent/hostmetrics/host_sampler.hpp"
#include "common/metrics/registry.hpp"

namespace seyir::agent::hostmetrics {

class HostMetrics {
  public:
    /// When enabled, each Registry::text() ends with a sample of the host: the one before if it is
    /// younger than a second (and than `interval`), else a fresh one.
    HostMetrics(const HostMetricsOptions& options, metrics::Registry& registry);

    /// Null when disabled.
    HostSampler* sampler() { return sampler_.get(); }

  private:
    std::shared_ptr<HostSampler> sampler_;
};

}  // namespace seyir::agent::hostmetrics
