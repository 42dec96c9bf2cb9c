// SPDX-License-Identifier: Apache-2.0
// Slots: a component with its id, its counters and what the engine remembers of it. They outlive a
// replaced graph until nothing is under way in them.
// Invariant: at every Registry::text(), for each filter
//   rows in + rows created = rows out + rows dropped + rows failed + rows held,
// and for each output rows in = delivered + duplicate + retried + dropped + in flight.
// Threads: counters are atomics, changed together under Registry::together().
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "common/metrics/registry.hpp"
#include "common/pipeline/graph_spec.hpp"

namespace seyir::pipeline {

struct InputSlot {
    InputSlot(metrics::Registry& registry, InputSpec input_spec);

    InputSpec spec;
    metrics::Counter& rows;
    metrics::Counter& bytes;
    metrics::Counter& unrouted;
    std::atomic<uint64_t> unanswered{0};  ///< batches whose token is not resolved
    std::mutex mutex;
    std::string down;  ///< why it is not running; guarded by mutex
};

/// Why rows left a filter whose source has them and sends them again.
inline constexpr const char* kSentAgain = "sent_again";

/// What one call of a filter did with its rows.
struct FilterTally {
    uint64_t in = 0;
    uint64_t out = 0;
    uint64_t held = 0;      ///< newly held
    uint64_t released = 0;  ///< held before, now out or dropped
    uint64_t failed = 0;
    uint64_t events = 0;
    std::vector<std::pair<std::string, uint64_t>> dropped;   ///< by reason
    std::vector<std::pair<std::string, uint64_t>> failures;  ///< by code
};

struct FilterSlot {
    FilterSlot(metrics::Registry& metrics_registry, FilterSpec filter_spec);

    /// Adds to the counters so that the invariant holds; rows nobody spoke of count as dropped
    /// (`unexplained`), rows too many as created.
    void account(const FilterTally& tally, double seconds);
    /// When the last instance is gone: what it held is sent again by its source.
    void account_for_lost_instances();
    void set_health(ComponentHealth now);
    ComponentHealth health() const;

    FilterSpec spec;
    metrics::Registry& registry;
    metrics::Counter& rows_in;
    metrics::Counter& rows_out;
    metrics::Counter& rows_created;
    metrics::Counter& rows_failed;
    metrics::Counter& rows_events;
    metrics::Gauge& rows_held;
    metrics::Histogram& seconds;

  private:
    std::atomic<int64_t> held_now_{0};  ///< by the instances of this slot
    mutable std::mutex mutex_;
    ComponentHealth health_;
};

struct OutputSlot {
    OutputSlot(metrics::Registry& metrics_registry, OutputSpec output_spec);

    OutputSpec spec;
    metrics::Registry& registry;
    metrics::Counter& rows_in;
    metrics::Counter& rows_delivered;
    metrics::Counter& rows_duplicate;
    metrics::Counter& rows_retried;
    metrics::Counter& rows_dead_letter;
    metrics::Gauge& rows_in_flight;
    metrics::Histogram& seconds;
    std::atomic<uint64_t> in_flight{0};   ///< deliveries without an answer
    std::atomic<bool> is_running{false};  ///< start() has succeeded
};

metrics::Counter& dropped_rows(
    metrics::Registry& registry, const std::string& component, const std::string& reason
);

}  // namespace seyir::pipeline
