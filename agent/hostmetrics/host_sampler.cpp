// SPDX-License-Identifier: Apache-2.0
#include "agent/hostmetrics/host_sampler.hpp"

#include <algorithm>
#include <charconv>

#include <sys/utsname.h>
#include <unistd.h>

namespace seyir::agent::hostmetrics {

namespace {
constexpr uint64_t kMicros = 1'000'000;
}  // namespace

ProcSource HostSampler::source(const char* path) {
    return {fs_, options_.root + path};
}

HostSampler::HostSampler(io::FileSystem& fs, io::Clock& clock, HostSamplerOptions options)
    : fs_(fs),
      clock_(clock),
      options_(std::move(options)),
      stat_(source("/proc/stat")),
      meminfo_(source("/proc/meminfo")),
      loadavg_(source("/proc/loadavg")),
      vmstat_(source("/proc/vmstat")),
      diskstats_(source("/proc/diskstats")),
      mountinfo_(source("/proc/self/mountinfo")),
      net_dev_(source("/proc/net/dev")),
      snmp_(source("/proc/net/snmp")),
      netstat_(source("/proc/net/netstat")),
      sockstat_(source("/proc/net/sockstat")),
      file_nr_(source("/proc/sys/fs/file-nr")),
      pressure_cpu_(source("/proc/pressure/cpu")),
      pressure_memory_(source("/proc/pressure/memory")),
      pressure_io_(source("/proc/pressure/io")),
      pressure_irq_(source("/proc/pressure/irq")),
      collectors_{
          {"cpu", &HostSampler::collect_cpu},
          {"meminfo", &HostSampler::collect_memory},
          {"loadavg", &HostSampler::collect_load},
          {"pressure", &HostSampler::collect_pressure},
          {"vmstat", &HostSampler::collect_vmstat},
          {"diskstats", &HostSampler::collect_disks},
          {"filesystem", &HostSampler::collect_file_systems},
          {"netdev", &HostSampler::collect_network},
          {"netstat", &HostSampler::collect_netstat},
          {"sockstat", &HostSampler::collect_sockstat},
          {"filefd", &HostSampler::collect_filefd},
          {"uname", &HostSampler::collect_uname},
          {"time", &HostSampler::collect_time},
      },
      writer_(options_.common_labels) {
    out_.write_to(options_.is_text ? nullptr : &writer_);
}

std::string HostSampler::text() {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.steady_now();
    if (!sampled_at_ || now - *sampled_at_ >= options_.age_max) {
        sample_locked();
    }
    return std::string(out_.text());
}

void HostSampler::sample() {
    const std::lock_guard lock(mutex_);
    sample_locked();
}

void HostSampler::sample_locked() {
    out_.clear();
    for (Collector& collector : collectors_) {
        const SteadyTime began = clock_.steady_now();
        collector.ok = (this->*collector.collect)();
        collector.nanos = static_cast<uint64_t>(Nanos(clock_.steady_now() - began).count());
    }
    out_.family(
        "node_scrape_collector_duration_seconds", "gauge", "Time a collector took for this sample."
    );
    for (const Collector& collector : collectors_) {
        out_.sample_fraction({{"collector", collector.name}}, collector.nanos, 1'000'000'000);
    }
    out_.family("node_scrape_collector_success", "gauge", "Whether a collector found its source.");
    for (const Collector& collector : collectors_) {
        out_.sample({{"collector", collector.name}}, uint64_t{collector.ok});
    }
    sampled_at_ = clock_.steady_now();
}

bool HostSampler::collect_load() {
    Words words(loadavg_.read(buffer_));
    const std::string_view one = words.next();
    if (one.empty()) {
        return false;
    }
    const auto write = [&](std::string_view name, std::string_view help, std::string_view load) {
        double value = 0;
        std::from_chars(load.data(), load.data() + load.size(), value);
        out_.single(name, "gauge", help, value);
    };
    write("node_load1", "1m load average.", one);
    write("node_load5", "5m load average.", words.next());
    write("node_load15", "15m load average.", words.next());
    return true;
}

bool HostSampler::collect_pressure() {
    const auto total = [](std::string_view text, std::string_view kind) -> std::optional<uint64_t> {
        std::string_view line;
        while (next_line(text, line)) {
            const size_t at = line.find("total=");
            if (line.starts_with(kind) && at != std::string_view::npos) {
                return to_number(line.substr(at + 6));
            }
        }
        return std::nullopt;
    };
    bool any = false;
    const auto write =
        [&](std::string_view name, std::string_view help, ProcSource& from, std::string_view kind) {
            if (const auto micros = total(from.read(buffer_), kind)) {
                out_.family(name, "counter", help);
                out_.sample_fraction({}, *micros, kMicros);
                any = true;
            }
        };
    write(
        "node_pressure_cpu_waiting_seconds_total",
        "Total time in seconds that processes have waited for CPU time",
        pressure_cpu_,
        "some"
    );
    write(
        "node_pressure_io_stalled_seconds_total",
        "Total time in seconds no process could make progress due to IO congestion",
        pressure_io_,
        "full"
    );
    write(
        "node_pressure_io_waiting_seconds_total",
        "Total time in seconds that processes have waited due to IO congestion",
        pressure_io_,
        "some"
    );
    write(
        "node_pressure_irq_stalled_seconds_total",
        "Total time in seconds no process could make progress due to IRQ congestion",
        pressure_irq_,
        "full"
    );
    write(
        "node_pressure_memory_stalled_seconds_total",
        "Total time in seconds no process could make progress due to memory congestion",
        pressure_memory_,
        "full"
    );
    write(
        "node_pressure_memory_waiting_seconds_total",
        "Total time in seconds that processes have waited for memory",
        pressure_memory_,
        "some"
    );
    return any;
}

bool HostSampler::collect_vmstat() {
    static constexpr std::array<std::string_view, 7> kFields = {
        "oom_kill", "pgfault", "pgmajfault", "pgpgin", "pgpgout", "pswpin", "pswpout"
    };
    std::string_view text = vmstat_.read(buffer_);
    const bool found = !text.empty();
    std::string_view line;
    while (next_line(text, line)) {
        Words words(line);
        const std::string_view field = words.next();
        if (std::ranges::find(kFields, field) != kFields.end()) {
            out_.single(
                out_.joined("node_vmstat_", field),
                "untyped",
                "/proc/vmstat information field.",
                words.next_number()
            );
        }
    }
    return found;
}

bool HostSampler::collect_filefd() {
    const std::string_view text = file_nr_.read(buffer_);
    Words words(text.substr(0, text.find('\n')));
    const std::string_view allocated = words.next();
    if (allocated.empty()) {
        return false;
    }
    words.next();
    out_.single(
        "node_filefd_allocated",
        "gauge",
        "File descriptor statistics: allocated.",
        to_number(allocated)
    );
    out_.single(
        "node_filefd_maximum", "gauge", "File descriptor statistics: maximum.", words.next_number()
    );
    return true;
}

bool HostSampler::collect_uname() {
    utsname name{};
    if (::uname(&name) != 0) {
        return false;
    }
    out_.family(
        "node_uname_info",
        "gauge",
        "Labeled system information as provided by the uname system call."
    );
    out_.sample(
        {{"sysname", name.sysname},
         {"release", name.release},
         {"version", name.version},
         {"machine", name.machine},
         {"nodename", name.nodename},
         {"domainname", name.domainname}},
        uint64_t{1}
    );
    return true;
}

bool HostSampler::collect_time() {
    const auto micros = static_cast<uint64_t>(clock_.wall_now().value / 1000);
    out_.family("node_time_seconds", "gauge", "System time in seconds since epoch (1970).");
    out_.sample_fraction({}, micros, kMicros);
    return true;
}

}  // namespace seyir::agent::hostmetrics
