// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/log_to_metric/series.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace seyir::plugins {
namespace {

constexpr std::string_view kOther = "other";

std::string_view type_name(MetricKind kind) {
    return kind == MetricKind::kCounter ? "counter"
           : kind == MetricKind::kGauge ? "gauge"
                                        : "histogram";
}

}  // namespace

Result<void> check_metric_name(std::string_view name) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
    };
    const bool is_good =
        !name.empty() && name.size() <= 200 && is_letter(name.front()) &&
        std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
    if (!is_good) {
        return fail(
            ErrorCode::kInvalidArgument,
            "a metric name has letters, digits, `_` and `:`, no digit first, at most 200"
        );
    }
    // The program's own and the host's: two families of one name would make the page unreadable.
    for (const std::string_view taken : {"seyir_", "node_", "process_"}) {
        if (name.starts_with(taken)) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("names that begin with `{}` are the program's own", taken)
            );
        }
    }
    return {};
}

Result<void> SeriesSet::open(metrics::Registry& registry) {
    const std::string type = registry.type_of(options_.name);
    if (!type.empty() && type != type_name(options_.kind)) {
        return fail(
            ErrorCode::kConflict,
            fmt::format(
                "metric `{}` is a {} already and cannot become a {} while the program runs: give "
                "it another name",
                options_.name,
                type,
                type_name(options_.kind)
            )
        );
    }
    const Instrument first = other(registry);
    if (first.histogram != nullptr && first.histogram->bounds() != options_.buckets) {
        return fail(
            ErrorCode::kConflict,
            fmt::format(
                "metric `{}` has other buckets already and keeps them while the program runs: "
                "give it another name",
                options_.name
            )
        );
    }
    return {};
}

Instrument SeriesSet::make(metrics::Registry& registry, std::span<const std::string> values) {
    metrics::Labels labels;
    for (size_t i = 0; i < options_.label_names.size(); ++i) {
        labels.emplace_back(options_.label_names[i], values[i]);
    }
    switch (options_.kind) {
        case MetricKind::kCounter:
            return {.counter = &registry.counter(options_.name, options_.help, labels)};
        case MetricKind::kGauge:
            return {.gauge = &registry.gauge(options_.name, options_.help, labels)};
        case MetricKind::kHistogram:
            return {
                .histogram =
                    &registry.histogram(options_.name, options_.help, options_.buckets, labels)
            };
    }
    return {};
}

Instrument SeriesSet::other(metrics::Registry& registry) {
    const std::vector<std::string> values(options_.label_names.size(), std::string(kOther));
    return make(registry, values);
}

Instrument SeriesSet::find(
    metrics::Registry& registry,
    const RowKey& key,
    std::span<const std::string> values,
    bool& is_other
) {
    const std::lock_guard lock(mutex_);
    is_other = false;
    if (const auto at = series_.find(key); at != series_.end()) {
        return at->second;
    }
    if (series_.size() >= options_.series_max) {
        is_other = true;
        return other(registry);
    }
    return series_.emplace(key, make(registry, values)).first->second;
}

}  // namespace seyir::plugins
