// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "common/process/memory_release.hpp"
#include "common/process/service_manager.hpp"
#include "common/process/signals.hpp"

using namespace seyir;
using namespace std::chrono_literals;

namespace {

/// proc(5), /proc/PID/statm: the second number.
uint64_t resident_pages() {
    std::ifstream file("/proc/self/statm");
    uint64_t total = 0;
    uint64_t resident = 0;
    file >> total >> resident;
    return resident;
}

[[maybe_unused]] uint64_t minor_faults() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return static_cast<uint64_t>(used.ru_minflt);
}

}  // namespace

TEST_SUITE("common/process") {
    TEST_CASE("a blocked signal is handed out as a value and then there is none") {
        process::Signals signals({SIGUSR1, SIGUSR2});
        CHECK(!signals.wait(0ms).has_value());
        ::raise(SIGUSR2);
        CHECK(signals.wait(1s) == SIGUSR2);
        CHECK(!signals.wait(0ms).has_value());
    }

    TEST_CASE("the service manager's socket receives the state as one datagram") {
        std::string directory = (std::filesystem::temp_directory_path() / "seyir-XXXXXX").string();
        REQUIRE(::mkdtemp(directory.data()) != nullptr);
        const std::string path = directory + "/notify";
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size());
        const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
        REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
        process::notify_service_manager("READY=1");
        ::unsetenv("NOTIFY_SOCKET");
        char bytes[64];
        const ssize_t got = ::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        CHECK(std::string_view(bytes, got > 0 ? static_cast<size_t>(got) : 0) == "READY=1");
        ::close(fd);
        std::filesystem::remove_all(directory);
    }

    TEST_CASE("the watchdog is fed at half the interval systemd asks for") {
        ::setenv("WATCHDOG_USEC", "30000000", 1);
        CHECK(process::watchdog_interval() == 15s);
        ::unsetenv("WATCHDOG_USEC");
        CHECK(process::watchdog_interval() == 0s);
    }

    TEST_CASE("memory is given back once after start-up, however busy the program is") {
        process::QuietTime quiet;
        const SteadyTime start{};
        CHECK(!quiet.due(start, 0s));
        CHECK(!quiet.due(start + 4s, 4s));
        CHECK(quiet.due(start + 5s, 5s));
        CHECK(!quiet.due(start + 10s, 10s));
        CHECK(!quiet.due(start + 60s, 60s));
    }

    TEST_CASE("memory is given back again when work is over, and not while nothing happens") {
        process::QuietTime quiet;
        const SteadyTime start{};
        quiet.due(start, 0s);
        REQUIRE(quiet.due(start + 5s, 100ms));
        CHECK(!quiet.due(start + 10s, 101ms));   // quiet, but nothing was done since
        CHECK(!quiet.due(start + 15s, 1101ms));  // busy
        CHECK(quiet.due(start + 20s, 1102ms));
        CHECK(!quiet.due(start + 25s, 1103ms));
        CHECK(!quiet.due(start + 30s, 1152ms));
        CHECK(quiet.due(start + 35s, 1160ms));  // what ticks used has added up
    }

    TEST_CASE("freed heap is used again, not cleared again by the kernel") {
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
        MESSAGE("skipped: a sanitizer has an allocator of its own");
#else
        process::keep_freed_heap();
        const auto work = [] {  // a batch's columns, as tail makes them
            for (int i = 0; i < 8; ++i) {
                std::vector<std::string> columns;
                for (const char byte : {'w', 'x', 'y', 'z'}) {
                    columns.emplace_back(700'000, byte);
                }
                CHECK(columns.back().back() == 'z');
            }
        };
        work();
        const uint64_t before = minor_faults();
        work();
        CHECK(minor_faults() - before < 500);  // of 5,500 pages
#endif
    }

    TEST_CASE("giving memory back leaves fewer pages resident and what is in use as it was") {
        std::vector<std::string> kept;
        for (int i = 0; i < 20'000; ++i) {
            kept.emplace_back(100, static_cast<char>('a' + i % 26));
        }
        const std::vector<std::string> copy = kept;
        const uint64_t resident = resident_pages();
        process::release_memory();
        CHECK(resident_pages() < resident);
        CHECK(kept == copy);
    }
}
