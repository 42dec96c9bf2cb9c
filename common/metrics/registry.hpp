// SPDX-License-Identifier: Apache-2.0
// The programs' own metrics: counters, gauges and histograms by name and labels, written as
// Prometheus text. Metric names: seyir_<room>_<noun>_<unit>[_total].
// Threads: thread-safe. Instruments are atomics; look them up once and keep the reference.
// Ownership: the Registry owns instruments; references live as long as it does.
// Format: Prometheus text exposition 0.0.4.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace seyir::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;

class Counter {
  public:
    void add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }

    uint64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<uint64_t> value_{0};
};

class Gauge {
  public:
    void set(double v) { value_.store(v, std::memory_order_relaxed); }

    void add(double v) { value_.fetch_add(v, std::memory_order_relaxed); }

    double value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<double> value_{0};
};

/// Fixed upper bounds (seconds for times); the last bucket is +Inf.
class Histogram {
  public:
    explicit Histogram(std::vector<double> bounds);
    void observe(double v);

    const std::vector<double>& bounds() const { return bounds_; }

    /// Not cumulative; bounds().size() + 1 entries.
    std::vector<uint64_t> buckets() const;

    double sum() const { return sum_.load(std::memory_order_relaxed); }

  private:
    std::vector<double> bounds_;
    std::unique_ptr<std::atomic<uint64_t>[]> counts_;
    std::atomic<double> sum_{0};
};

/// 0.5 ms to 10 s, for latencies.
std::vector<double> latency_buckets();

class Registry {
  public:
    /// The same name and labels give the same instrument. `help` of the first call counts.
    Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
    Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});
    Histogram& histogram(
        const std::string& name,
        const std::string& help,
        std::vector<double> bounds,
        const Labels& labels = {}
    );
    /// "counter", "gauge" or "histogram"; "" for a name nobody uses. A name has one type for
    /// ever: whoever takes names from outside asks first.
    std::string type_of(const std::string& name);
    /// Called at the start of each write_text, to refresh gauges that are read, not counted.
    void on_collect(std::function<void()> refresh);

    /// What `source` gives is put at the end of each text(): families whose names nobody else uses.
    void append_text(std::function<std::string()> source);

    std::string text();

    /// Hold this while adding to several instruments that belong together (rows in, rows out): a
    /// text() shows all of it or nothing. Shared: holders do not wait for one another.
    [[nodiscard]] std::shared_lock<std::shared_mutex> together() {
        return std::shared_lock(together_);
    }

  private:
    struct Family {
        std::string help;
        std::string type;
        std::map<std::string, std::unique_ptr<Counter>> counters;
        std::map<std::string, std::unique_ptr<Gauge>> gauges;
        std::map<std::string, std::unique_ptr<Histogram>> histograms;
    };

    Family& family(const std::string& name, const std::string& help, const char* type);

    std::shared_mutex together_;  // before mutex_
    std::mutex mutex_;
    std::map<std::string, Family> families_;
    std::vector<std::function<void()>> refreshers_;
    std::vector<std::function<std::string()>> sources_;
};

/// `a="1",b="2"` with the text format's escapes; "" for none.
std::string format_labels(const Labels& labels);
/// Shortest text that reads back to the same double; "+Inf", "-Inf", "NaN".
std::string format_value(double value);

}  // namespace seyir::metrics
