// SPDX-License-Identifier: Apache-2.0
// Which versions of TLS are spoken, against OpenSSL itself at the other end; and what is said to
// one that speaks none.   Spec: RFC 8996 (TLS 1.0 and 1.1 must not be used).
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/async/gate.hpp"
#include "common/async/runtime.hpp"
#include "common/net/stream.hpp"
#include "test/unit/net/certificates.hpp"

using namespace std::chrono_literals;
using namespace seyir;
using namespace seyir::net;
using async::Awaitable;

namespace {

SteadyTime soon() {
    return std::chrono::steady_clock::now() + 10s;
}

class Socket {
  public:
    explicit Socket(int fd) : fd_(fd) {
        REQUIRE(fd >= 0);
        const timeval patience{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }

    ~Socket() { ::close(fd_); }

    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    int fd() const { return fd_; }

  private:
    const int fd_;
};

sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// One side of a connection that speaks up to `version` only, old ones willingly.
/// Returns what OpenSSL says when they do not agree; "" = they do.
std::string shake_hands(int fd, int version, const test::CertificateFiles* server) {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
        SSL_CTX_new(server != nullptr ? TLS_server_method() : TLS_client_method()), &SSL_CTX_free
    );
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), version);
    if (server != nullptr) {
        SSL_CTX_use_certificate_chain_file(context.get(), server->cert.c_str());
        SSL_CTX_use_PrivateKey_file(context.get(), server->key.c_str(), SSL_FILETYPE_PEM);
    }
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
    SSL_set_fd(ssl.get(), fd);
    ERR_clear_error();
    const int result = server != nullptr ? SSL_accept(ssl.get()) : SSL_connect(ssl.get());
    if (result == 1) {
        return "";
    }
    const char* const reason = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
    return reason == nullptr ? "closed" : reason;
}

Awaitable<void> accept_one(Listener& listener, std::promise<Result<void>>& seen) {
    auto executor = co_await boost::asio::this_coro::executor;
    auto accepted = co_await listener.accept(executor);
    if (!accepted) {
        seen.set_value(accepted.error());
        co_return;
    }
    auto stream = *std::move(accepted);
    stream.set_read_deadline(soon());
    auto shaken = co_await stream.handshake();
    seen.set_value(std::move(shaken));
}

Awaitable<void> connect_one(
    uint16_t port, std::shared_ptr<TlsClientContext> tls, std::promise<Result<void>>& seen
) {
    const Endpoint endpoint{.host = "127.0.0.1", .port = port};
    ConnectOptions options{.deadline = soon(), .tls = std::move(tls)};
    auto connected = co_await connect(endpoint, std::move(options));
    seen.set_value(connected ? Result<void>() : connected.error());
}

struct Both {
    Result<void> ours;
    std::string theirs;
};

Both serve_client_of(int version, const test::CertificateFiles& files) {
    async::Runtime runtime("test", 1);
    async::Gate gate;
    auto tls = TlsServerContext::load({.cert = files.cert, .key = files.key});
    REQUIRE(tls);
    auto listener = listen(runtime.executor(0), {.host = "127.0.0.1"}, {.tls = *tls});
    REQUIRE(listener);
    std::promise<Result<void>> seen;
    REQUIRE(gate.spawn(runtime.executor(0), "server", accept_one(*listener, seen)));
    Both both;
    {
        const Socket client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const sockaddr_in to = loopback(listener->local().port);
        REQUIRE(::connect(client.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
        both.theirs = shake_hands(client.fd(), version, nullptr);
    }
    both.ours = seen.get_future().get();
    REQUIRE(gate.drain(soon()));
    return both;
}

/// Ours connects to one that `answers`.
template <class Answers>
Result<void> connect_to(std::shared_ptr<TlsClientContext> tls, const Answers& answers) {
    async::Runtime runtime("test", 1);
    async::Gate gate;
    const Socket listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at = loopback(0);
    socklen_t size = sizeof at;
    REQUIRE(::bind(listener.fd(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(::listen(listener.fd(), 1) == 0);
    REQUIRE(::getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
    std::promise<Result<void>> seen;
    REQUIRE(gate.spawn(
        runtime.executor(0), "client", connect_one(ntohs(at.sin_port), std::move(tls), seen)
    ));
    {
        const Socket server(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
        answers(server.fd());
    }
    Result<void> result = seen.get_future().get();
    REQUIRE(gate.drain(soon()));
    return result;
}

}  // namespace

TEST_SUITE("common/net/tls versions") {
    TEST_CASE("a client that speaks no more than TLS 1.1 is refused, one of 1.2 is not") {
        const test::TempFolder folder;
        const auto authority = test::make_authority(folder, "authority");
        const auto server = test::make_leaf(folder, authority, "server", "127.0.0.1");
        for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
            const Both old = serve_client_of(version, server);
            REQUIRE_FALSE(old.ours);
            CHECK(old.ours.error().code == ErrorCode::kUnauthorized);
            CHECK(old.theirs.find("protocol version") != std::string::npos);
        }
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            const Both good = serve_client_of(version, server);
            CHECK(good.ours);
            CHECK(good.theirs.empty());
        }
    }

    TEST_CASE("a server that speaks no more than TLS 1.1 is refused, one of 1.2 is not") {
        const test::TempFolder folder;
        const auto authority = test::make_authority(folder, "authority");
        const auto files = test::make_leaf(folder, authority, "server", "127.0.0.1");
        auto tls = TlsClientContext::load({.ca = authority.cert});
        REQUIRE(tls);
        for (const auto& [version, is_good] :
             {std::pair(TLS1_1_VERSION, false), std::pair(TLS1_2_VERSION, true)}) {
            std::string theirs;
            const auto result =
                connect_to(*tls, [&](int fd) { theirs = shake_hands(fd, version, &files); });
            CAPTURE(theirs);
            CHECK(result.has_value() == is_good);
            CHECK(theirs.empty() == is_good);
            CHECK((is_good || theirs.find("unsupported protocol") != std::string::npos));
        }
    }

    TEST_CASE("a server without TLS is told from one of another version") {
        const test::TempFolder folder;
        const auto authority = test::make_authority(folder, "authority");
        auto tls = TlsClientContext::load({.ca = authority.cert});
        REQUIRE(tls);
        const auto result = connect_to(*tls, [](int fd) {
            const std::string text = "HTTP/1.1 400 Bad Request\r\n\r\n";
            CHECK(::send(fd, text.data(), text.size(), MSG_NOSIGNAL) > 0);
            std::string hello(4096, '\0');
            CHECK(::recv(fd, hello.data(), hello.size(), 0) > 0);
        });
        REQUIRE_FALSE(result);
        CHECK(result.error().message.find("the other side speaks plain text") != std::string::npos);
    }
}
