// SPDX-License-Identifier: Apache-2.0
// A small /proc and /sys with known numbers.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace seyir::test {

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

}  // namespace seyir::test
