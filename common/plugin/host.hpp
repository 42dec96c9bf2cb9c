// SPDX-License-Identifier: Apache-2.0
// InstanceHost: what the host offers one instance of a plugin's filter (seyir_host), and the tables
// its numbers lead to: keys, drop reasons, metrics.
// Room: plugins -> log, metrics, clock.   Threads: thread-safe.
// Limits: 1,024 keys, 64 drop reasons, 64 metrics with 8 labels each, 20 log lines in 10 s.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <seyir/plugin.h>

#include "common/component/types.hpp"

/// Opaque to plugins.
struct seyir_metric {
    seyir::metrics::Counter* counter = nullptr;
    seyir::metrics::Gauge* gauge = nullptr;
    seyir::metrics::Histogram* histogram = nullptr;
};

namespace seyir::plugin {

inline constexpr size_t kKeysMax = 1024;
inline constexpr size_t kReasonsMax = 64;
inline constexpr size_t kMetricsMax = 64;
inline constexpr size_t kMetricLabelsMax = 8;
inline constexpr size_t kLogLinesMax = 20;
inline constexpr Nanos kLogInterval = std::chrono::seconds(10);

/// small letters, digits and `_`, a letter first, at most 64 bytes.
bool is_word(std::string_view text);

class InstanceHost {
  public:
    /// `type` is the filter's type, `id` what the user calls it. The context must outlive this.
    InstanceHost(const component::RunContext& context, std::string type);

    InstanceHost(const InstanceHost&) = delete;
    InstanceHost& operator=(const InstanceHost&) = delete;

    const seyir_host* abi() const { return &abi_; }

    const std::string& id() const { return id_; }

    io::Clock& clock() const { return clock_; }

    uint32_t intern_key(std::string_view name);
    /// Names by number, for a batch; new ones are added at the end.
    std::vector<std::string> keys() const;
    size_t key_count() const;
    /// "" for a number that was never given out.
    std::string drop_reason(uint32_t number) const;

    bool has_drop_reason(uint32_t number) const { return number < reason_count_; }

    void log(uint32_t level, std::string_view message);

  private:
    static InstanceHost& self(const seyir_host* host);
    uint32_t add_reason(std::string_view word);
    seyir_metric* add_metric(
        uint32_t kind,
        std::string_view name,
        std::string_view help,
        const seyir_label* labels,
        uint32_t label_count
    );

    metrics::Registry& registry_;
    io::Clock& clock_;
    std::string id_;
    std::string type_;
    seyir_host abi_{};
    mutable std::mutex mutex_;
    std::vector<std::string> keys_;
    std::vector<std::string> reasons_;
    std::atomic<uint32_t> reason_count_{0};
    std::deque<seyir_metric> metrics_;
    SteadyTime log_interval_begin_;
    size_t log_lines_ = 0;
};

/// For seyir_entry::init: log and time, nothing else.
const seyir_host* load_time_host();

}  // namespace seyir::plugin
