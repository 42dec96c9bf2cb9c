// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/registry.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "common/base/assert.hpp"

namespace seyir::metrics {

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      counts_(std::make_unique<std::atomic<uint64_t>[]>(bounds_.size() + 1)) {
    SEYIR_ASSERT(std::ranges::is_sorted(bounds_));
}

void Histogram::observe(double v) {
    const auto at = std::ranges::lower_bound(bounds_, v) - bounds_.begin();
    counts_[static_cast<size_t>(at)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(v, std::memory_order_relaxed);
}

std::vector<uint64_t> Histogram::buckets() const {
    std::vector<uint64_t> counts(bounds_.size() + 1);
    for (size_t i = 0; i < counts.size(); ++i) {
        counts[i] = counts_[i].load(std::memory_order_relaxed);
    }
    return counts;
}

std::vector<double> latency_buckets() {
    return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

std::string format_value(double value) {
    if (std::isnan(value)) {
        return "NaN";
    }
    if (std::isinf(value)) {
        return value > 0 ? "+Inf" : "-Inf";
    }
    return fmt::format("{}", value);
}

std::string format_labels(const Labels& labels) {
    std::string out;
    for (const auto& [name, value] : labels) {
        out += out.empty() ? "" : ",";
        out += name;
        out += "=\"";
        for (const char c : value) {
            switch (c) {
                case '\\':
                    out += "\\\\";
                    break;
                case '"':
                    out += "\\\"";
                    break;
                case '\n':
                    out += "\\n";
                    break;
                default:
                    out += c;
            }
        }
        out += '"';
    }
    return out;
}

Registry::Family& Registry::family(
    const std::string& name, const std::string& help, const char* type
) {
    Family& family = families_[name];
    if (family.type.empty()) {
        family.type = type;
        family.help = help;
    }
    SEYIR_ASSERT(family.type == type);
    return family;
}

Counter& Registry::counter(const std::string& name, const std::string& help, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    auto& slot = family(name, help, "counter").counters[format_labels(labels)];
    if (slot == nullptr) {
        slot = std::make_unique<Counter>();
    }
    return *slot;
}

Gauge& Registry::gauge(const std::string& name, const std::string& help, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    auto& slot = family(name, help, "gauge").gauges[format_labels(labels)];
    if (slot == nullptr) {
        slot = std::make_unique<Gauge>();
    }
    return *slot;
}

Histogram& Registry::histogram(
    const std::string& name,
    const std::string& help,
    std::vector<double> bounds,
    const Labels& labels
) {
    const std::lock_guard lock(mutex_);
    auto& slot = family(name, help, "histogram").histograms[format_labels(labels)];
    if (slot == nullptr) {
        slot = std::make_unique<Histogram>(std::move(bounds));
    }
    return *slot;
}

std::string Registry::type_of(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto at = families_.find(name);
    return at == families_.end() ? "" : at->second.type;
}

void Registry::on_collect(std::function<void()> refresh) {
    const std::lock_guard lock(mutex_);
    refreshers_.push_back(std::move(refresh));
}

void Registry::append_text(std::function<std::string()> source) {
    const std::lock_guard lock(mutex_);
    sources_.push_back(std::move(source));
}

namespace {

void append_sample(
    std::string& out, std::string_view name, const std::string& labels, std::string_view value
) {
    out += name;
    if (!labels.empty()) {
        out += '{' + labels + '}';
    }
    out += ' ';
    out += value;
    out += '\n';
}

void append_histogram(
    std::string& out, const std::string& name, const std::string& labels, const Histogram& h
) {
    const std::vector<uint64_t> counts = h.buckets();
    uint64_t cumulative = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
        cumulative += counts[i];
        const std::string bound = i < h.bounds().size() ? format_value(h.bounds()[i]) : "+Inf";
        const std::string separator = labels.empty() ? "" : ",";
        append_sample(
            out,
            name + "_bucket",
            labels + separator + "le=\"" + bound + "\"",
            fmt::format("{}", cumulative)
        );
    }
    append_sample(out, name + "_sum", labels, format_value(h.sum()));
    append_sample(out, name + "_count", labels, fmt::format("{}", cumulative));
}

}  // namespace

std::string Registry::text() {
    std::vector<std::function<void()>> refreshers;
    std::vector<std::function<std::string()>> sources;
    {
        const std::lock_guard lock(mutex_);
        refreshers = refreshers_;
        sources = sources_;
    }
    for (const auto& refresh : refreshers) {
        refresh();
    }
    std::string appended;
    for (const auto& source : sources) {
        appended += source();
    }
    const std::unique_lock whole(together_);
    const std::lock_guard lock(mutex_);
    std::string out;
    for (const auto& [name, family] : families_) {
        out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, family.help, name, family.type);
        for (const auto& [labels, counter] : family.counters) {
            append_sample(out, name, labels, fmt::format("{}", counter->value()));
        }
        for (const auto& [labels, gauge] : family.gauges) {
            append_sample(out, name, labels, format_value(gauge->value()));
        }
        for (const auto& [labels, histogram] : family.histograms) {
            append_histogram(out, name, labels, *histogram);
        }
    }
    return out + appended;
}

}  // namespace seyir::metrics
