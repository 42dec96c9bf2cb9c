// SPDX-License-Identifier: Apache-2.0
#include "common/process/service_manager.hpp"

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace seyir::process {

void notify_service_manager(std::string_view state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    if (path == nullptr || (path[0] != '/' && path[0] != '@') ||
        std::strlen(path) >= sizeof address.sun_path) {
        return;
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path, std::strlen(path));
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
    if (path[0] == '@') {
        address.sun_path[0] = '\0';  // an abstract socket (unix(7))
    }
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    [[maybe_unused]] const ssize_t sent = ::sendto(
        fd,
        state.data(),
        state.size(),
        MSG_NOSIGNAL,
        reinterpret_cast<const sockaddr*>(&address),
        length
    );
    ::close(fd);
}

std::string reloading_message() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t usec = now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
    return "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec);
}

Nanos watchdog_interval() {
    const char* text = std::getenv("WATCHDOG_USEC");
    if (text == nullptr) {
        return Nanos(0);
    }
    int64_t usec = 0;
    std::from_chars(text, text + std::strlen(text), usec);
    return std::chrono::microseconds(usec) / 2;
}

}  // namespace seyir::process
