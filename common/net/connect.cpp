// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/async/deadline.hpp"
#include "common/net/stream.hpp"
#include "common/net/stream_impl.hpp"

namespace seyir::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
using Socket = Stream::Impl::Socket;

async::Awaitable<Result<Socket>> connect_socket(const Endpoint& endpoint) {
    auto executor = co_await asio::this_coro::executor;
    const std::string doing = "connecting to " + endpoint.text();
    if (endpoint.is_unix()) {
        Socket socket(executor);
        const asio::local::stream_protocol::endpoint address(endpoint.unix_path);
        auto [code] = co_await socket.async_connect(address, kAwait);
        if (code) {
            co_return stream_error(code, doing);
        }
        co_return std::move(socket);
    }
    asio::ip::tcp::resolver resolver(executor);
    const std::string service = std::to_string(endpoint.port);
    auto [code, addresses] = co_await resolver.async_resolve(endpoint.host, service, kAwait);
    if (code) {
        co_return stream_error(code, doing);
    }
    error_code last = asio::error::host_not_found;
    for (const auto& address : addresses) {
        asio::ip::tcp::socket socket(executor);
        auto [failed] = co_await socket.async_connect(address.endpoint(), kAwait);
        if (!failed) {
            error_code ignored;
            socket.set_option(asio::ip::tcp::no_delay(true), ignored);
            socket.set_option(asio::socket_base::keep_alive(true), ignored);
            co_return Socket(std::move(socket));
        }
        last = failed;
        if (failed == asio::error::operation_aborted) {
            break;
        }
    }
    co_return stream_error(last, doing);
}

/// The name the certificate must hold; addresses are compared as addresses (RFC 6125, 1.7.2).
void expect_name(SSL* session, const std::string& name) {
    SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str()) != 1) {
        SSL_set1_host(session, name.c_str());
        SSL_set_tlsext_host_name(session, name.c_str());
    }
}

Error handshake_error(
    SSL* session, const error_code& code, const std::string& doing, const std::string& name
) {
    const long verdict = SSL_get_verify_result(session);
    if (verdict != X509_V_OK) {
        return fail(
            ErrorCode::kUnauthorized,
            doing + ": its certificate is not accepted for \"" + name +
                "\": " + X509_verify_cert_error_string(verdict)
        );
    }
    return stream_error(code, doing);
}

async::Awaitable<Result<Stream>> connect_all(Endpoint endpoint, ConnectOptions options) {
    auto executor = co_await asio::this_coro::executor;
    auto connected = co_await connect_socket(endpoint);
    if (!connected) {
        co_return std::move(connected).error();
    }
    auto impl = std::make_shared<Stream::Impl>(executor, *std::move(connected), endpoint.text());
    if (!options.tls) {
        co_return Stream(std::move(impl));
    }
    const auto tls = options.tls->current();
    impl->use_tls(tls, *tls);
    const std::string& configured = options.tls->server_name();
    const std::string name = configured.empty() ? endpoint.host : configured;
    expect_name(impl->tls->native_handle(), name);
    const auto role = asio::ssl::stream_base::client;
    auto [code] = co_await impl->tls->async_handshake(role, kAwait);
    if (code) {
        const std::string doing = "TLS handshake with " + endpoint.text();
        co_return handshake_error(impl->tls->native_handle(), code, doing, name);
    }
    impl->is_shaken = true;
    co_return Stream(std::move(impl));
}

}  // namespace

async::Awaitable<Result<Stream>> connect(Endpoint endpoint, ConnectOptions options) {
    const SteadyTime deadline = options.deadline;
    const std::string peer = endpoint.text();
    auto work = connect_all(std::move(endpoint), std::move(options));
    auto stream = co_await async::with_deadline(std::move(work), deadline);
    if (!stream && stream.error().code == ErrorCode::kTimeout) {
        co_return fail(ErrorCode::kTimeout, "connecting to " + peer + ": no answer in time");
    }
    co_return std::move(stream);
}

}  // namespace seyir::net
