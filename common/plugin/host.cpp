// SPDX-License-Identifier: Apache-2.0
#include "common/plugin/host.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/plugin/layout.hpp"

namespace seyir::plugin {
namespace {

constexpr size_t kLogBytesMax = 2048;
constexpr size_t kHelpBytesMax = 512;
constexpr size_t kLabelBytesMax = 256;
constexpr const char* kHostName = "seyir " SEYIR_VERSION;

void metric_add(seyir_metric* metric, double value) {
    if (metric == nullptr || !std::isfinite(value)) {
        return;
    }
    if (metric->counter != nullptr) {
        if (value >= 0 && value < 1e18) {
            metric->counter->add(static_cast<uint64_t>(value));
        }
    } else if (metric->gauge != nullptr) {
        metric->gauge->add(value);
    } else {
        metric->histogram->observe(value);
    }
}

void metric_set(seyir_metric* metric, double value) {
    if (metric != nullptr && metric->gauge != nullptr) {
        metric->gauge->set(value);
    }
}

const void* no_extension(const seyir_host*, const char*) {
    return nullptr;
}

/// A name has one kind in the whole program: the registry takes another for a bug of ours.
bool claim_kind(const std::string& name, uint32_t kind) {
    static std::mutex mutex;
    static std::map<std::string, uint32_t> kinds;
    const std::lock_guard lock(mutex);
    return kinds.emplace(name, kind).first->second == kind;
}

log::Level to_level(uint32_t level) {
    switch (level) {
        case SEYIR_LOG_DEBUG:
            return log::Level::kDebug;
        case SEYIR_LOG_INFO:
            return log::Level::kInfo;
        case SEYIR_LOG_WARN:
            return log::Level::kWarn;
        default:
            return log::Level::kError;
    }
}

seyir_host empty_host() {
    seyir_host host{};
    host.size = sizeof(seyir_host);
    host.abi_major = SEYIR_ABI_MAJOR;
    host.abi_minor = SEYIR_ABI_MINOR;
    host.name = kHostName;
    host.metric_add = metric_add;
    host.metric_set = metric_set;
    host.extension = no_extension;
    return host;
}

}  // namespace

bool is_word(std::string_view text) {
    const auto is_rest = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    };
    return !text.empty() && text.size() <= 64 && text[0] >= 'a' && text[0] <= 'z' &&
           std::ranges::all_of(text, is_rest);
}

InstanceHost& InstanceHost::self(const seyir_host* host) {
    return *static_cast<InstanceHost*>(host->context);
}

InstanceHost::InstanceHost(const component::RunContext& context, std::string type)
    : registry_(context.registry),
      clock_(context.clock),
      id_(context.id),
      type_(std::move(type)),
      abi_(empty_host()),
      log_interval_begin_(context.clock.steady_now()) {
    abi_.context = this;
    abi_.intern_key = [](const seyir_host* host, seyir_text name) {
        return self(host).intern_key(to_view(name));
    };
    abi_.drop_reason = [](const seyir_host* host, seyir_text word) {
        return self(host).add_reason(to_view(word));
    };
    abi_.metric = [](const seyir_host* host,
                     uint32_t kind,
                     seyir_text name,
                     seyir_text help,
                     const seyir_label* labels,
                     uint32_t count) {
        return self(host).add_metric(kind, to_view(name), to_view(help), labels, count);
    };
    abi_.log = [](const seyir_host* host, uint32_t level, seyir_text message) {
        self(host).log(level, to_view(message));
    };
    abi_.wall_ns = [](const seyir_host* host) { return self(host).clock_.wall_now().value; };
    abi_.steady_ns = [](const seyir_host* host) -> int64_t {
        return self(host).clock_.steady_now().time_since_epoch().count();
    };
}

uint32_t InstanceHost::intern_key(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const auto at = std::ranges::find(keys_, name);
    if (at != keys_.end()) {
        return static_cast<uint32_t>(at - keys_.begin());
    }
    if (name.empty() || name.size() > kLabelBytesMax || keys_.size() >= kKeysMax) {
        return SEYIR_NO_KEY;
    }
    keys_.emplace_back(name);
    return static_cast<uint32_t>(keys_.size() - 1);
}

std::vector<std::string> InstanceHost::keys() const {
    const std::lock_guard lock(mutex_);
    return keys_;
}

size_t InstanceHost::key_count() const {
    const std::lock_guard lock(mutex_);
    return keys_.size();
}

std::string InstanceHost::drop_reason(uint32_t number) const {
    const std::lock_guard lock(mutex_);
    return number < reasons_.size() ? reasons_[number] : "";
}

uint32_t InstanceHost::add_reason(std::string_view word) {
    const std::lock_guard lock(mutex_);
    const std::string name = is_word(word) ? std::string(word) : "plugin";
    const auto at = std::ranges::find(reasons_, name);
    if (at == reasons_.end() && reasons_.size() < kReasonsMax) {
        reasons_.push_back(name);
        reason_count_ = static_cast<uint32_t>(reasons_.size());
        return static_cast<uint32_t>(reasons_.size() - 1);
    }
    return static_cast<uint32_t>(
        std::min<size_t>(static_cast<size_t>(at - reasons_.begin()), reasons_.size() - 1)
    );
}

seyir_metric* InstanceHost::add_metric(
    uint32_t kind,
    std::string_view name,
    std::string_view help,
    const seyir_label* labels,
    uint32_t label_count
) {
    const bool has_labels = label_count != 0 && labels != nullptr;
    if (!is_word(name) || kind > SEYIR_HISTOGRAM || label_count > kMetricLabelsMax) {
        return nullptr;
    }
    metrics::Labels all{{"filter", id_}};
    for (uint32_t i = 0; has_labels && i < label_count; ++i) {
        const auto label = to_view(labels[i].name);
        if (!is_word(label) || label == "filter" || label == "le") {
            return nullptr;
        }
        all.emplace_back(label, to_view(labels[i].value).substr(0, kLabelBytesMax));
    }
    const std::string full = fmt::format("seyir_plugin_{}_{}", type_, name);
    const std::string text(help.substr(0, kHelpBytesMax));
    const std::lock_guard lock(mutex_);
    if (metrics_.size() >= kMetricsMax || !claim_kind(full, kind)) {
        return nullptr;
    }
    seyir_metric& metric = metrics_.emplace_back();
    if (kind == SEYIR_COUNTER) {
        metric.counter = &registry_.counter(full, text, all);
    } else if (kind == SEYIR_GAUGE) {
        metric.gauge = &registry_.gauge(full, text, all);
    } else {
        metric.histogram = &registry_.histogram(full, text, metrics::latency_buckets(), all);
    }
    return &metric;
}

void InstanceHost::log(uint32_t level, std::string_view message) {
    const std::string component = fmt::format("filter {}", id_);
    size_t suppressed = 0;
    {
        const std::lock_guard lock(mutex_);
        const SteadyTime now = clock_.steady_now();
        if (now - log_interval_begin_ >= kLogInterval) {
            suppressed = log_lines_ > kLogLinesMax ? log_lines_ - kLogLinesMax : 0;
            log_interval_begin_ = now;
            log_lines_ = 0;
        }
        if (++log_lines_ > kLogLinesMax) {
            return;
        }
    }
    if (suppressed > 0) {
        log::warn(
            component, "the plugin logged too much", {{"suppressed", std::to_string(suppressed)}}
        );
    }
    log::write(to_level(level), component, message.substr(0, kLogBytesMax));
}

const seyir_host* load_time_host() {
    static const seyir_host host = [] {
        seyir_host made = empty_host();
        made.intern_key = [](const seyir_host*, seyir_text) -> uint32_t { return SEYIR_NO_KEY; };
        made.drop_reason = [](const seyir_host*, seyir_text) -> uint32_t { return 0; };
        made.metric =
            [](const seyir_host*, uint32_t, seyir_text, seyir_text, const seyir_label*, uint32_t
            ) -> seyir_metric* { return nullptr; };
        made.log = [](const seyir_host*, uint32_t level, seyir_text message) {
            log::write(to_level(level), "plugins", to_view(message).substr(0, kLogBytesMax));
        };
        made.wall_ns = [](const seyir_host*) { return io::system_clock().wall_now().value; };
        made.steady_ns = [](const seyir_host*) -> int64_t {
            return io::system_clock().steady_now().time_since_epoch().count();
        };
        return made;
    }();
    return &host;
}

}  // namespace seyir::plugin
