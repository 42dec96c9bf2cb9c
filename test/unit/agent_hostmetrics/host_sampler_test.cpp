// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <set>
#include <string>
#include <tuple>

#include <doctest/doctest.h>

#include "agent/hostmetrics/host_metrics.hpp"
#include "test/unit/agent_hostmetrics/fake_root.hpp"

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
using seyir::test::FakeRoot;

namespace {

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

    TEST_CASE("devices and file systems are taken in and left out by name") {
        const FakeRoot root;
        io::ManualClock clock;
        const HostSelection selection{
            .disks = {.include = {"vd*", "nvme0n1p1"}, .exclude = {"vda"}},
            .network = {.include = {}, .exclude = {"eth?"}},
            .mounts = {.include = {}, .exclude = {"/mnt*"}},
            .file_system_types = {.include = {"*"}, .exclude = {"nfs4"}},
        };
        HostSampler metrics(
            io::posix_file_system(), clock, {.root = root.path(), .selection = selection}
        );
        const std::string text = metrics.text();
        const std::string reads = "node_disk_reads_completed_total{device=";
        CHECK(has_line(text, reads + "\"vda1\"} 1"));
        CHECK(has_line(text, reads + "\"nvme0n1p1\"} 5"));
        for (const char* part : {"\"vda\"", "\"nvme0n1\"", "loop0", "eth0", "/mnt a", "nfs4"}) {
            CAPTURE(part);
            CHECK(text.find(part) == std::string::npos);
        }
        CHECK(text.find("mountpoint=\"/\"") != std::string::npos);
    }

    TEST_CASE("patterns: a star is any text, a question mark one character, the whole name counts"
    ) {
        const std::tuple<const char*, const char*, bool> cases[] = {
            {"eth0", "eth0", true},
            {"eth0", "eth01", false},
            {"eth*", "eth", true},
            {"*h*0", "eth0", true},
            {"*", "", true},
            {"?", "", false},
            {"a?c", "abc", true},
            {"a*b*c", "aXbXbc", true},
            {"a*b", "aXbX", false},
            {"", "", true},
            {"", "x", false},
            {"**", "x", true},
        };
        for (const auto& [pattern, name, expected] : cases) {
            CAPTURE(pattern);
            CAPTURE(name);
            CHECK(matches_pattern(pattern, name) == expected);
        }
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
