// SPDX-License-Identifier: Apache-2.0
// HostSampler: CPU, memory, load, pressure, disks, file systems and network of this host, with
// node_exporter's names and labels, so that its dashboards and rules work unchanged.
// Room: /proc and /sys -> Prometheus text for /metrics, or samples to send.
// Threads: text() is thread-safe.   Cost: < 1 ms CPU a sample; files stay open, nothing is
// allocated after the first samples.
// Errors: a collector whose file the kernel lacks is left out and counted in
// node_scrape_collector_success.   Format/spec: node_exporter 1.x metric names.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/hostmetrics/host_selection.hpp"
#include "agent/hostmetrics/metric_text.hpp"
#include "agent/hostmetrics/proc_source.hpp"
#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"

namespace seyir::agent::hostmetrics {

struct HostSamplerOptions {
    std::string root;  ///< before /proc and /sys; "" is this host, tests have a folder
    /// text() within this time of the last sample gives it again.
    Nanos age_max = std::chrono::milliseconds(500);
    HostSelection selection;
    /// Of every series in samples_body().
    std::vector<std::pair<std::string, std::string>> common_labels;
    bool is_text = true;  ///< else samples_body() instead of text()
};

class HostSampler {
  public:
    HostSampler(io::FileSystem& fs, io::Clock& clock, HostSamplerOptions options = {});

    /// A fresh sample as Prometheus text, to be appended to the registry's.
    std::string text();

    /// Series in the last sample.
    size_t series_count() const { return out_.series_count(); }

    /// Takes a sample now; text_view() is valid until the next. For callers on one thread (bench).
    void sample();

    std::string_view text_view() const { return out_.text(); }

    /// The last sample as a body of docs/format/metrics.md; valid until the next. For callers on
    /// one thread.
    std::string_view samples_body(UnixNanos ts) { return writer_.finish(ts); }

  private:
    struct Collector {
        std::string_view name;
        bool (HostSampler::*collect)();
        uint64_t nanos = 0;
        bool ok = false;
    };

    struct Row {
        std::string_view name;
        std::array<uint64_t, 20> values{};
    };

    struct NetworkDevice {
        ProcSource operstate;
        ProcSource speed;
    };

    struct Mount {
        std::string device;
        std::string path;
        std::string full_path;  ///< with options_.root
        std::string type;
        bool read_only = false;
    };

    bool collect_cpu();
    void write_cpu_modes();
    void write_counts(std::string_view rest);
    bool collect_memory();
    bool collect_load();
    bool collect_pressure();
    bool collect_vmstat();
    bool collect_disks();
    bool collect_file_systems();
    bool collect_network();
    void write_network_state();
    bool collect_netstat();
    bool write_netstat_pairs(ProcSource& source);
    bool collect_sockstat();
    bool collect_filefd();
    bool collect_uname();
    bool collect_time();
    bool refresh_mounts();
    void sample_locked();
    ProcSource source(const char* path);

    io::FileSystem& fs_;
    io::Clock& clock_;
    HostSamplerOptions options_;
    std::mutex mutex_;
    std::optional<SteadyTime> sampled_at_;

    ProcSource stat_, meminfo_, loadavg_, vmstat_, diskstats_, mountinfo_, net_dev_, snmp_,
        netstat_, sockstat_, file_nr_, pressure_cpu_, pressure_memory_, pressure_io_, pressure_irq_;
    std::vector<Collector> collectors_;
    std::map<std::string, NetworkDevice, std::less<>> devices_;
    std::vector<Row> rows_;
    std::vector<Mount> mounts_;
    std::string mounts_text_;  ///< mountinfo that mounts_ was made of
    std::string buffer_;
    std::string small_;
    MetricText out_;
    samples::SampleWriter writer_;
};

}  // namespace seyir::agent::hostmetrics
