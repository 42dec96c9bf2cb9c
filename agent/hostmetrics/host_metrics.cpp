// SPDX-License-Identifier: Apache-2.0
#include "agent/hostmetrics/host_metrics.hpp"

#include <algorithm>

namespace seyir::agent::hostmetrics {

HostMetrics::HostMetrics(const HostMetricsOptions& options, metrics::Registry& registry) {
    if (!options.enabled) {
        return;
    }
    const Nanos age_max = std::min<Nanos>(options.interval, std::chrono::seconds(1));
    sampler_ = std::make_shared<HostSampler>(
        io::posix_file_system(),
        io::system_clock(),
        HostSamplerOptions{.age_max = age_max, .selection = options.selection}
    );
    registry.append_text([sampler = sampler_] { return sampler->text(); });
}

}  // namespace seyir::agent::hostmetrics
