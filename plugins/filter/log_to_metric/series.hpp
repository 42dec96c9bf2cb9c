// SPDX-License-Identifier: Apache-2.0
// Series: the time series of one metric made from records, at most `series_max` of them; values
// beyond go to one series whose labels are all `other`.
// Threads: a SeriesSet is shared by all instances and locks; instances remember what they found.
// Errors: open() refuses a name that another kind of metric, or other buckets, have already.
// Ownership: instruments belong to the registry and live as long as it does: a series that nobody
// counts any more stays until the program ends.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/metrics/registry.hpp"
#include "plugins/filter/field/row_key.hpp"

namespace seyir::plugins {

enum class MetricKind : uint8_t { kCounter, kGauge, kHistogram };

struct MetricOptions {
    MetricKind kind = MetricKind::kCounter;
    std::string name;
    std::string help;
    std::vector<std::string> label_names;
    std::vector<double> buckets;
    size_t series_max = 0;
};

/// One of the three, as the metric's kind says.
struct Instrument {
    metrics::Counter* counter = nullptr;
    metrics::Gauge* gauge = nullptr;
    metrics::Histogram* histogram = nullptr;
};

class SeriesSet {
  public:
    explicit SeriesSet(MetricOptions options) : options_(std::move(options)) {}

    /// Before the first series; again by every instance.
    Result<void> open(metrics::Registry& registry);

    /// `is_other`: the series of all that found no place.
    Instrument find(
        metrics::Registry& registry,
        const RowKey& key,
        std::span<const std::string> values,
        bool& is_other
    );

    Instrument other(metrics::Registry& registry);

    const MetricOptions& options() const { return options_; }

  private:
    Instrument make(metrics::Registry& registry, std::span<const std::string> values);

    MetricOptions options_;
    std::mutex mutex_;
    std::unordered_map<RowKey, Instrument> series_;
};

/// [a-zA-Z_:][a-zA-Z0-9_:]*, at most 200 bytes, none of the program's own names.
Result<void> check_metric_name(std::string_view name);

}  // namespace seyir::plugins
