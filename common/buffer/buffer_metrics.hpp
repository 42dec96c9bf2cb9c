// SPDX-License-Identifier: Apache-2.0
// What a buffer counts. At all times: recovered + appended = delivered + dropped + returned + rows.
// Threads: thread-safe.   Ownership: the registry's.
#pragma once

#include <string>

#include "common/metrics/registry.hpp"

namespace seyir::buffer {

struct BufferMetrics {
    BufferMetrics(metrics::Registry& registry_of, std::string component_id);

    /// Rows that end here, by reason.
    void drop(const std::string& reason, uint64_t count) const;

    metrics::Registry& registry;
    const std::string component;
    metrics::Gauge& rows;
    metrics::Gauge& bytes;
    metrics::Gauge& oldest_seconds;
    metrics::Counter& recovered;
    metrics::Counter& appended;
    metrics::Counter& delivered;
    metrics::Counter& returned;
    metrics::Counter& retried;
    metrics::Counter& duplicate;
    metrics::Counter& corrupt_frames;
    metrics::Counter& failures;
};

}  // namespace seyir::buffer
