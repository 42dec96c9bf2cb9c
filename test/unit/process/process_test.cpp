// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "common/process/service_manager.hpp"
#include "common/process/signals.hpp"

using namespace seyir;
using namespace std::chrono_literals;

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
}
