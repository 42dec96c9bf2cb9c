// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "agent/hostmetrics/host_metrics.hpp"

// Sanitizers bring their own operator new: the count is left to the plain build.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define SEYIR_TEST_COUNTS_ALLOCATIONS 1

namespace {
std::atomic<size_t> allocation_count{0};
}  // namespace

// Counts what the sampler allocates; everything else is as before.
void* operator new(size_t size) {
    ++allocation_count;
    if (void* memory = std::malloc(size)) {
        return memory;
    }
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, size_t) noexcept {
    std::free(memory);
}

#endif

using namespace seyir;
using namespace seyir::agent::hostmetrics;

namespace {

/// A small /proc and /sys with known numbers.
class FakeRoot {
  public:
    FakeRoot() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "seyir-proc-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
        put("/proc/stat",
            "cpu  30 3 9 200 5 1 2 4 7 6\ncpu0 12345 6 78 99999 10 0 1 2 7 8\ncpu1 1 2 3 4 5 6 7 8 "
            "9 10\n"
            "intr 555 1 2 3\nctxt 777\nbtime 1767225600\nprocesses 42\nprocs_running "
            "3\nprocs_blocked 1\n");
        put("/proc/meminfo",
            "MemTotal:       24684084 kB\nMemAvailable:   20000000 kB\nActive(anon):      100 kB\n"
            "HugePages_Total:       7\n");
        put("/proc/loadavg", "0.52 1.25 15.03 1/120 4242\n");
        put("/proc/vmstat", "pgfault 11\nnr_free_pages 5\noom_kill 2\n");
        put("/proc/diskstats",
            " 254 0 vda 100 1 2000 30 200 2 4000 60 1 90 120 5 0 0 0 9 8\n"
            " 254 1 vda1 1 1 1 1 1 1 1 1 1 1 1\n 7 0 loop0 1 1 1 1 1 1 1 1 1 1 1\n"
            " 259 0 nvme0n1 5 0 8 0 0 0 0 0 0 0 0\n 259 1 nvme0n1p1 5 0 8 0 0 0 0 0 0 0 0\n");
        put("/proc/self/mountinfo",
            "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n28 27 0:4 / /proc rw - proc proc rw\n"
            "29 27 0:5 / /mnt\\040a ro - ext4 /dev/vdb ro\n30 27 0:6 / /net rw - nfs4 host:/x rw\n"
        );
        put("/proc/net/dev",
            "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes\n"
            "  eth0: 145 2 0 1 0 0 0 0 136 3 0 0 0 0 0 0\n");
        put("/sys/class/net/eth0/operstate", "up\n");
        put("/sys/class/net/eth0/speed", "1000\n");
        put("/proc/net/snmp", "Tcp: ActiveOpens CurrEstab Odd\nTcp: 606 2 1\n");
        put("/proc/net/netstat", "TcpExt: ListenDrops TW\nTcpExt: 4 5\n");
        put("/proc/net/sockstat", "sockets: used 17\nTCP: inuse 3 orphan 0 tw 57 alloc 3 mem 2\n");
        put("/proc/sys/fs/file-nr", "1331\t0\t2466170\n");
        put("/proc/pressure/cpu", "some avg10=1.00 avg60=2.00 avg300=3.00 total=1280761597\n");
        std::filesystem::create_directories(path_ + "/mnt a");
    }

    FakeRoot(const FakeRoot&) = delete;
    FakeRoot& operator=(const FakeRoot&) = delete;

    ~FakeRoot() { std::filesystem::remove_all(path_); }

    void put(const std::string& name, const std::string& content) const {
        std::filesystem::create_directories(std::filesystem::path(path_ + name).parent_path());
        std::ofstream(path_ + name, std::ios::binary) << content;
    }

    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

bool has_line(const std::string& text, const std::string& line) {
    return text.starts_with(line + "\n") || text.find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_SUITE("agent/hostmetrics/host_sampler") {
    TEST_CASE("names, labels and units are node_exporter's") {
        const FakeRoot root;
        io::ManualClock clock;
        HostSampler metrics(io::posix_file_system(), clock, {.root = root.path()});
        const std::string text = metrics.text();
        for (const char* line : {
                 "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 123.45",
                 "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 999.99",
                 "node_cpu_seconds_total{cpu=\"1\",mode=\"steal\"} 0.08",
                 "node_cpu_guest_seconds_total{cpu=\"1\",mode=\"user\"} 0.09",
                 "node_boot_time_seconds 1767225600",
                 "node_context_switches_total 777",
                 "node_intr_total 555",
                 "node_forks_total 42",
                 "node_procs_running 3",
                 "node_memory_MemTotal_bytes 25276502016",
                 "node_memory_Active_anon_bytes 102400",
                 "node_memory_HugePages_Total 7",
                 "node_load1 0.52",
                 "node_load15 15.03",
                 "node_vmstat_oom_kill 2",
                 "node_disk_read_bytes_total{device=\"vda\"} 1024000",
                 "node_disk_io_time_seconds_total{device=\"vda\"} 0.090",
                 "node_disk_reads_completed_total{device=\"nvme0n1\"} 5",
                 "node_network_receive_bytes_total{device=\"eth0\"} 145",
                 "node_network_transmit_packets_total{device=\"eth0\"} 3",
                 "node_network_up{device=\"eth0\"} 1",
                 "node_network_speed_bytes{device=\"eth0\"} 125000000",
                 "node_netstat_Tcp_CurrEstab 2",
                 "node_netstat_TcpExt_ListenDrops 4",
                 "node_sockstat_TCP_tw 57",
                 "node_sockstat_TCP_mem_bytes 8192",
                 "node_sockstat_sockets_used 17",
                 "node_filefd_allocated 1331",
                 "node_filefd_maximum 2466170",
                 "node_pressure_cpu_waiting_seconds_total 1280.761597",
                 "node_filesystem_readonly{device=\"/dev/vdb\",fstype=\"ext4\",mountpoint=\"/mnt "
                 "a\"} 1",
                 "node_filesystem_device_error{device=\"/dev/vda\",fstype=\"ext4\",mountpoint=\"/"
                 "\"} 0",
                 "node_scrape_collector_success{collector=\"cpu\"} 1",
             }) {
            CAPTURE(line);
            CHECK(has_line(text, line));
        }
        for (const char* part :
             {"vda1", "loop0", "nvme0n1p1", "nfs4", "nr_free_pages", "Odd", "_TW "}) {
            CAPTURE(part);
            CHECK(text.find(part) == std::string::npos);
        }
        CHECK(text.find("node_uname_info{sysname=\"Linux\"") != std::string::npos);
    }

    TEST_CASE("each family is there once, with its type before its samples") {
        HostSampler metrics(io::posix_file_system(), io::system_clock());
        const std::string text = metrics.text();
        std::set<std::string> families;
        std::string current;
        std::string_view rest = text;
        std::string_view line;
        size_t samples = 0;
        while (next_line(rest, line)) {
            if (line.starts_with("# TYPE ")) {
                current = Words(line.substr(7)).next();
                CAPTURE(current);
                CHECK(families.insert(current).second);
            } else if (!line.starts_with("#")) {
                CAPTURE(line);
                CHECK(line.substr(0, line.find_first_of("{ ")) == current);
                ++samples;
            }
        }
        CHECK(samples == metrics.series_count());
        CHECK(samples > 100);
    }

    TEST_CASE("a missing kernel file leaves its collector out and says so") {
        const FakeRoot root;
        std::filesystem::remove(root.path() + "/proc/diskstats");
        io::ManualClock clock;
        HostSampler metrics(io::posix_file_system(), clock, {.root = root.path()});
        const std::string text = metrics.text();
        CHECK(has_line(text, "node_scrape_collector_success{collector=\"diskstats\"} 0"));
        CHECK(text.find("node_disk_") == std::string::npos);
        CHECK(has_line(text, "node_load1 0.52"));
    }

    TEST_CASE("scrapes close together share a sample; later ones are fresh") {
        const FakeRoot root;
        io::ManualClock clock;
        HostSampler metrics(io::posix_file_system(), clock, {.root = root.path()});
        const std::string first = metrics.text();
        root.put("/proc/loadavg", "9.99 1.25 15.03 1/120 4242\n");
        CHECK(metrics.text() == first);
        clock.advance(std::chrono::seconds(1));
        CHECK(has_line(metrics.text(), "node_load1 9.99"));
    }

#ifdef SEYIR_TEST_COUNTS_ALLOCATIONS
    TEST_CASE("a sample allocates nothing once the buffers have their size") {
        const FakeRoot root;
        HostSampler metrics(io::posix_file_system(), io::system_clock(), {.root = root.path()});
        for (int i = 0; i < 5; ++i) {
            metrics.sample();
        }
        const size_t before = allocation_count.load();
        for (int i = 0; i < 5; ++i) {
            metrics.sample();
        }
        CHECK(allocation_count.load() == before);
    }
#endif

    TEST_CASE("the program's own metrics end with the host's, unless they are disabled") {
        metrics::Registry registry;
        registry.counter("seyir_test_total", "Test.").add(3);
        {
            const HostMetrics host({.enabled = true}, registry);
        }
        CHECK(has_line(registry.text(), "seyir_test_total 3"));
        CHECK(registry.text().find("node_load1 ") != std::string::npos);
        metrics::Registry without;
        HostMetrics disabled({.enabled = false}, without);
        CHECK(disabled.sampler() == nullptr);
        CHECK(without.text().empty());
    }

    TEST_CASE("torn and odd kernel text is survived") {
        const FakeRoot root;
        root.put("/proc/stat", "cpu");
        root.put("/proc/meminfo", ":::\nMemTotal\n\n:");
        root.put("/proc/net/dev", "a:\n:\n");
        root.put("/proc/self/mountinfo", "1 - \n - - -\n1 2 3 4 /x\\04 rw - t d o\n");
        root.put("/proc/net/snmp", "Tcp: a b c\nTcp:\nUdp");
        root.put("/proc/net/sockstat", "TCP:\nx: y\n");
        root.put("/proc/diskstats", "1\n1 2\n1 2 sda\n");
        io::ManualClock clock;
        HostSampler metrics(io::posix_file_system(), clock, {.root = root.path()});
        CHECK(!metrics.text().empty());
    }
}
