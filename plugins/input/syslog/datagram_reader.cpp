// SPDX-License-Identifier: Apache-2.0
#include "plugins/input/syslog/datagram_reader.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

#include "common/base/log.hpp"

namespace seyir::plugins::syslog {
namespace {

constexpr size_t kDatagramBytesMax = 64 * 1024;
constexpr size_t kDatagramsAtOnce = 64;
constexpr size_t kBatchRowsMax = 1024;
constexpr int kSocketBytes = 4 << 20;
constexpr int kLookMs = 100;  // how soon stop() is noticed

Result<int> open_unix(const std::string& path) {
    sockaddr_un address{};
    if (path.size() >= sizeof address.sun_path) {
        return fail(ErrorCode::kInvalidArgument, path + " is too long for a unix socket");
    }
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno_error(errno, "opening a socket");
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ::unlink(path.c_str());  // what an earlier run left; a socket file has no content
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), 0666) != 0) {
        const Error error = errno_error(errno, "listening on " + path);
        ::close(fd);
        return error;
    }
    return fd;
}

Result<int> open_udp(const net::Endpoint& endpoint) {
    addrinfo hints{};
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(endpoint.port);
    const char* host = endpoint.host.empty() ? nullptr : endpoint.host.c_str();
    if (const int wrong = ::getaddrinfo(host, port.c_str(), &hints, &found); wrong != 0) {
        return fail(
            ErrorCode::kInvalidArgument, endpoint.text() + ": " + std::string(gai_strerror(wrong))
        );
    }
    const int type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const int fd = ::socket(found->ai_family, type, 0);
    const bool is_bound = fd >= 0 && ::bind(fd, found->ai_addr, found->ai_addrlen) == 0;
    const int why = errno;
    ::freeaddrinfo(found);
    if (!is_bound) {
        if (fd >= 0) {
            ::close(fd);
        }
        return errno_error(why, "listening on udp " + endpoint.text());
    }
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBytes, sizeof kSocketBytes);
    return fd;
}

net::Endpoint local_of(int fd, net::Endpoint endpoint) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (!endpoint.is_unix() &&
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
        endpoint.port = ntohs(
            address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                          : reinterpret_cast<sockaddr_in&>(address).sin_port
        );
    }
    return endpoint;
}

std::string peer_of(const sockaddr_storage& address, socklen_t length) {
    std::array<char, NI_MAXHOST> host{};
    if (address.ss_family == AF_UNIX || ::getnameinfo(
                                            reinterpret_cast<const sockaddr*>(&address),
                                            length,
                                            host.data(),
                                            host.size(),
                                            nullptr,
                                            0,
                                            NI_NUMERICHOST
                                        ) != 0) {
        return "";
    }
    return std::string(host.data()) + ":0";
}

}  // namespace

Result<std::unique_ptr<DatagramReader>> DatagramReader::open(
    const net::Endpoint& endpoint,
    const SyslogSetup& setup,
    std::shared_ptr<RowSender> sender,
    const SyslogMetrics& metrics,
    io::Clock& clock
) {
    Result<int> opened = endpoint.is_unix() ? open_unix(endpoint.unix_path) : open_udp(endpoint);
    if (!opened) {
        return opened.error();
    }
    const int fd = *opened;
    return std::unique_ptr<DatagramReader>(
        new DatagramReader(fd, local_of(fd, endpoint), setup, std::move(sender), metrics, clock)
    );
}

DatagramReader::DatagramReader(
    int fd,
    net::Endpoint local,
    const SyslogSetup& setup,
    std::shared_ptr<RowSender> sender,
    const SyslogMetrics& metrics,
    io::Clock& clock
)
    : fd_(fd),
      local_(std::move(local)),
      message_bytes_max_(setup.message_bytes_max),
      sender_(std::move(sender)),
      metrics_(metrics),
      clock_(clock),
      rows_(setup.rows),
      memory_(kDatagramsAtOnce * kDatagramBytesMax, '\0'),
      thread_([this] { run(); }) {}

DatagramReader::~DatagramReader() {
    stop();
}

void DatagramReader::stop() {
    if (is_stopping_.exchange(true)) {
        return;
    }
    thread_.join();
    // At once, not when this object dies: a successor may be about to take the address.
    ::close(fd_);
    if (local_.is_unix()) {
        ::unlink(local_.unix_path.c_str());
    }
}

void DatagramReader::run() {
    while (true) {
        const bool is_last = is_stopping_.load();
        pollfd poll_fd{.fd = fd_, .events = POLLIN, .revents = 0};
        if (::poll(&poll_fd, 1, is_last ? 0 : kLookMs) > 0) {
            rows_.begin();
            while (rows_.row_count() < kBatchRowsMax && read_some()) {
            }
            metrics_.bad.add(rows_.take_bad());
            auto batch = rows_.take();
            const size_t count = batch->row_count();
            if (count != 0 && sender_->has_room()) {
                sender_->send(std::move(batch));
            } else {
                metrics_.dropped_datagrams.add(count);
            }
        } else if (is_last) {
            return;
        }
    }
}

bool DatagramReader::read_some() {
    std::array<mmsghdr, kDatagramsAtOnce> headers{};
    std::array<iovec, kDatagramsAtOnce> buffers{};
    std::array<sockaddr_storage, kDatagramsAtOnce> peers{};
    for (size_t i = 0; i < kDatagramsAtOnce; ++i) {
        buffers[i] = {memory_.data() + i * kDatagramBytesMax, kDatagramBytesMax};
        headers[i].msg_hdr.msg_iov = &buffers[i];
        headers[i].msg_hdr.msg_iovlen = 1;
        headers[i].msg_hdr.msg_name = &peers[i];
        headers[i].msg_hdr.msg_namelen = sizeof peers[i];
    }
    const int count = ::recvmmsg(fd_, headers.data(), kDatagramsAtOnce, MSG_DONTWAIT, nullptr);
    const UnixNanos now = clock_.wall_now();
    for (int i = 0; i < count; ++i) {
        const auto at = static_cast<size_t>(i);
        std::string_view message(memory_.data() + at * kDatagramBytesMax, headers[at].msg_len);
        while (message.ends_with('\n') || message.ends_with('\0')) {
            message.remove_suffix(1);
        }
        const bool is_cut =
            message.size() > message_bytes_max_ || (headers[at].msg_hdr.msg_flags & MSG_TRUNC) != 0;
        metrics_.messages.add();
        metrics_.truncated.add(is_cut ? 1 : 0);
        if (!message.empty()) {
            const std::string peer = peer_of(peers[at], headers[at].msg_hdr.msg_namelen);
            rows_.add(message.substr(0, message_bytes_max_), peer, now);
        }
    }
    return count == static_cast<int>(kDatagramsAtOnce);
}

}  // namespace seyir::plugins::syslog
