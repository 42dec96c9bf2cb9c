// SPDX-License-Identifier: Apache-2.0
// /proc/stat and /proc/meminfo.
#include <algorithm>
#include <array>

#include <unistd.h>

#include "agent/hostmetrics/host_sampler.hpp"

namespace seyir::agent::hostmetrics {

namespace {

struct NamedMetric {
    std::string_view field;
    std::string_view name;
    std::string_view type;
    std::string_view help;
};

/// Writes a count of USER_HZ ticks (100 on every Linux we ship to) as seconds.
constexpr uint64_t kTicksPerSecond = 100;

}  // namespace

bool HostSampler::collect_cpu() {
    std::string_view text = stat_.read(buffer_);
    if (text.empty()) {
        return false;
    }
    rows_.clear();
    std::string_view line;
    std::string_view rest = text;
    while (next_line(text, line) && line.starts_with("cpu")) {
        rest = text;
        Words words(line);
        Row row;
        row.name = words.next().substr(3);
        for (size_t i = 0; i < 10; ++i) {
            row.values[i] = words.next_number();
        }
        if (!row.name.empty()) {
            rows_.push_back(row);
        }
    }
    write_cpu_modes();
    write_counts(rest);
    return true;
}

void HostSampler::write_cpu_modes() {
    // Order of proc(5); node_exporter's names.
    static constexpr std::array<std::string_view, 8> kModes = {
        "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"
    };
    out_.family(
        "node_cpu_guest_seconds_total",
        "counter",
        "Seconds the CPUs spent in guests (VMs) for each mode."
    );
    for (const Row& row : rows_) {
        out_.sample_fraction({{"cpu", row.name}, {"mode", "nice"}}, row.values[9], kTicksPerSecond);
        out_.sample_fraction({{"cpu", row.name}, {"mode", "user"}}, row.values[8], kTicksPerSecond);
    }
    out_.family("node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.");
    for (const Row& row : rows_) {
        for (size_t mode = 0; mode < kModes.size(); ++mode) {
            out_.sample_fraction(
                {{"cpu", row.name}, {"mode", kModes[mode]}}, row.values[mode], kTicksPerSecond
            );
        }
    }
}

void HostSampler::write_counts(std::string_view rest) {
    static constexpr std::array kCounts = {
        NamedMetric{"intr", "node_intr_total", "counter", "Total number of interrupts serviced."},
        NamedMetric{
            "ctxt", "node_context_switches_total", "counter", "Total number of context switches."
        },
        NamedMetric{"btime", "node_boot_time_seconds", "gauge", "Node boot time, in unixtime."},
        NamedMetric{"processes", "node_forks_total", "counter", "Total number of forks."},
        NamedMetric{
            "procs_running", "node_procs_running", "gauge", "Number of processes in runnable state."
        },
        NamedMetric{
            "procs_blocked",
            "node_procs_blocked",
            "gauge",
            "Number of processes blocked waiting for I/O to complete."
        },
    };
    std::string_view line;
    while (next_line(rest, line)) {
        Words words(line);
        const std::string_view field = words.next();
        const auto at = std::ranges::find(kCounts, field, &NamedMetric::field);
        if (at != kCounts.end()) {
            out_.single(at->name, at->type, at->help, words.next_number());
        }
    }
}

bool HostSampler::collect_memory() {
    std::string_view text = meminfo_.read(buffer_);
    const bool found = !text.empty();
    std::string_view line;
    std::array<char, 64> field_buffer{};
    while (next_line(text, line)) {
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos || colon >= field_buffer.size()) {
            continue;
        }
        // "Active(anon)" becomes "Active_anon".
        size_t size = 0;
        for (const char c : line.substr(0, colon)) {
            if (c != ')') {
                field_buffer[size++] = c == '(' ? '_' : c;
            }
        }
        const std::string_view field(field_buffer.data(), size);
        Words words(line.substr(colon + 1));
        const uint64_t value = words.next_number();
        const bool is_kib = words.next() == "kB";
        out_.single(
            out_.joined("node_memory_", field, is_kib ? "_bytes" : ""),
            "gauge",
            "Memory information field of /proc/meminfo.",
            is_kib ? value * 1024 : value
        );
    }
    return found;
}

}  // namespace seyir::agent::hostmetrics
