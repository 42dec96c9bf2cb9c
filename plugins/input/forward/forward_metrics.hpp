// SPDX-License-Identifier: Apache-2.0
// What a forward input counts. Threads: thread-safe; the registry outlives it.
#pragma once

#include <string>

#include "common/metrics/registry.hpp"
#include "plugins/input/forward/forward_rows.hpp"

namespace seyir::plugins::forward {

struct ForwardMetrics {
    ForwardMetrics(metrics::Registry& r, const std::string& id);

    /// Connections that were ended for what they did, by reason.
    metrics::Counter& refused(const std::string& reason);
    void count(const RowCounts& counts);

    metrics::Registry& registry;
    std::string input;
    metrics::Gauge& connections;
    metrics::Gauge& held_bytes;
    metrics::Counter& messages;
    metrics::Counter& received_bytes;
    metrics::Counter& rows;
    metrics::Counter& acks;
    metrics::Counter& unsafe_chunks;
    metrics::Counter& resubmitted_rows;
    metrics::Counter& lost_rows;
    metrics::Counter& bad_times;
    metrics::Counter& tags_unlabelled;
    metrics::Histogram& ack_seconds;
};

}  // namespace seyir::plugins::forward
