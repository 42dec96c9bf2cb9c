// SPDX-License-Identifier: Apache-2.0
#include "test/support/cutting_proxy.hpp"

#include <algorithm>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace seyir::test {
namespace {

sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

bool write_all(int to, const char* bytes, size_t size) {
    while (size > 0) {
        const ssize_t written = ::send(to, bytes, size, MSG_NOSIGNAL);
        if (written <= 0) {
            return false;
        }
        bytes += written;
        size -= static_cast<size_t>(written);
    }
    return true;
}

}  // namespace

int connect_loopback(uint16_t port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        ::close(socket);
        return -1;
    }
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return socket;
}

CuttingProxy::CuttingProxy(uint16_t upstream_port, std::function<uint64_t()> next_cut)
    : next_cut_(std::move(next_cut)), upstream_port_(upstream_port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    ::listen(listener_, 16);
    socklen_t size = sizeof(address);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
}

CuttingProxy::~CuttingProxy() {
    stopped_ = true;
    thread_.join();
    ::close(listener_);
}

void CuttingProxy::run() {
    while (!stopped_) {
        pollfd waiting{listener_, POLLIN, 0};
        if (::poll(&waiting, 1, 20) <= 0) {
            continue;
        }
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const int server = connect_loopback(upstream_port_.load());
        if (client >= 0 && server >= 0) {
            relay(client, server, next_cut_());
            cut_now_ = false;  // one asked for between connections cuts the next
            ++cuts_;
        }
        ::close(client);
        if (server >= 0) {
            ::close(server);
        }
    }
}

void CuttingProxy::relay(int client, int server, uint64_t budget) {
    std::vector<char> buffer(16 * 1024);
    uint64_t left = budget == 0 ? UINT64_MAX : budget;
    while (!stopped_ && !cut_now_ && left > 0) {
        pollfd ends[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
        if (::poll(ends, 2, 20) <= 0) {
            continue;
        }
        for (int i = 0; i < 2 && left > 0; ++i) {
            if ((ends[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0) {
                continue;
            }
            const size_t most = std::min<uint64_t>(buffer.size(), left);
            const ssize_t bytes = ::recv(ends[i].fd, buffer.data(), most, 0);
            if (bytes <= 0 ||
                !write_all(ends[1 - i].fd, buffer.data(), static_cast<size_t>(bytes))) {
                return;
            }
            left -= static_cast<uint64_t>(bytes);
        }
    }
}

}  // namespace seyir::test
