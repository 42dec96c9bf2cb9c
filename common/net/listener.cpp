// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <optional>

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/net/stream.hpp"
#include "common/net/stream_impl.hpp"

namespace seyir::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using local = asio::local::stream_protocol;

struct Listener::Impl {
    explicit Impl(const async::Executor& executor)
        : tcp_acceptor(executor), unix_acceptor(executor) {}

    ~Impl() { remove_socket_file(); }

    void close() {
        error_code ignored;
        tcp_acceptor.close(ignored);
        unix_acceptor.close(ignored);
        remove_socket_file();
    }

    void remove_socket_file() {
        if (owns_socket_file) {
            unlink(endpoint.unix_path.c_str());
            owns_socket_file = false;
        }
    }

    Endpoint endpoint;
    ListenOptions options;
    tcp::acceptor tcp_acceptor;
    local::acceptor unix_acceptor;
    bool owns_socket_file = false;
};

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

Error listen_error(const error_code& code, const Endpoint& endpoint) {
    const std::string doing = "listening on " + endpoint.text();
    if (code == asio::error::address_in_use) {
        return fail(ErrorCode::kConflict, doing + ": another program listens there already");
    }
    if (code == asio::error::access_denied) {
        return fail(ErrorCode::kRefused, doing + ": permission denied");
    }
    return fail(ErrorCode::kIo, doing + ": " + code.message());
}

Result<void> listen_tcp(Listener::Impl& impl) {
    error_code code;
    asio::io_context context;
    tcp::resolver resolver(context);
    const auto flags = tcp::resolver::passive | tcp::resolver::numeric_service;
    const auto found =
        resolver.resolve(impl.endpoint.host, std::to_string(impl.endpoint.port), flags, code);
    if (code || found.empty()) {
        return fail(
            ErrorCode::kNotFound, "listening on " + impl.endpoint.text() + ": no such address"
        );
    }
    const tcp::endpoint address = *found.begin();
    auto& acceptor = impl.tcp_acceptor;
    acceptor.open(address.protocol(), code);
    if (!code) {
        acceptor.set_option(asio::socket_base::reuse_address(true), code);
    }
    if (!code) {
        acceptor.bind(address, code);
    }
    if (!code) {
        acceptor.listen(impl.options.backlog, code);
    }
    if (code) {
        return listen_error(code, impl.endpoint);
    }
    impl.endpoint.port = acceptor.local_endpoint(code).port();
    return {};
}

/// A socket file survives the process that made it: replace it if nobody answers there.
Result<void> remove_stale_socket(const Endpoint& endpoint) {
    struct stat info{};
    if (lstat(endpoint.unix_path.c_str(), &info) != 0) {
        return {};
    }
    if (!S_ISSOCK(info.st_mode)) {
        return fail(
            ErrorCode::kConflict,
            "listening on " + endpoint.text() + ": a file that is no socket is in the way"
        );
    }
    asio::io_context context;
    local::socket probe(context);
    error_code code;
    probe.connect(local::endpoint(endpoint.unix_path), code);
    if (!code) {
        return listen_error(asio::error::address_in_use, endpoint);
    }
    unlink(endpoint.unix_path.c_str());
    return {};
}

Result<void> listen_unix(Listener::Impl& impl) {
    SEYIR_CHECK(remove_stale_socket(impl.endpoint));
    error_code code;
    auto& acceptor = impl.unix_acceptor;
    acceptor.open(local(), code);
    if (!code) {
        // No window in which others may connect: nobody can before listen().
        acceptor.bind(local::endpoint(impl.endpoint.unix_path), code);
    }
    if (code) {
        return listen_error(code, impl.endpoint);
    }
    impl.owns_socket_file = true;
    if (chmod(impl.endpoint.unix_path.c_str(), impl.options.unix_mode) != 0) {
        return errno_error(errno, "setting the mode of " + impl.endpoint.unix_path);
    }
    acceptor.listen(impl.options.backlog, code);
    if (code) {
        return listen_error(code, impl.endpoint);
    }
    return {};
}

bool is_out_of_resources(const error_code& code) {
    return code == boost::system::errc::too_many_files_open ||
           code == boost::system::errc::too_many_files_open_in_system ||
           code == boost::system::errc::not_enough_memory ||
           code == boost::system::errc::no_buffer_space;
}

Endpoint to_endpoint(const tcp::endpoint& address) {
    return {.host = address.address().to_string(), .port = address.port()};
}

}  // namespace

Listener::Listener() = default;

Listener::Listener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Listener::~Listener() = default;
Listener::Listener(Listener&&) noexcept = default;
Listener& Listener::operator=(Listener&&) noexcept = default;

async::Awaitable<Result<Stream>> Listener::accept(async::Executor executor) {
    auto impl = impl_;
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (was_cancelled(cancellation)) {
        co_return fail(ErrorCode::kCancelled, "accepting: told to stop");
    }
    error_code code;
    std::shared_ptr<Stream::Impl> made;
    if (impl->endpoint.is_unix()) {
        local::socket socket(executor);
        std::tie(code) = co_await impl->unix_acceptor.async_accept(socket, kAwait);
        if (!code) {
            Stream::Impl::Socket plain(std::move(socket));
            made = std::make_shared<Stream::Impl>(executor, std::move(plain), "unix");
        }
    } else {
        tcp::socket socket(executor);
        tcp::endpoint address;
        std::tie(code) = co_await impl->tcp_acceptor.async_accept(socket, address, kAwait);
        if (!code) {
            error_code ignored;
            socket.set_option(tcp::no_delay(true), ignored);
            socket.set_option(asio::socket_base::keep_alive(true), ignored);
            const std::string peer = to_endpoint(address).text();
            Stream::Impl::Socket plain(std::move(socket));
            made = std::make_shared<Stream::Impl>(executor, std::move(plain), peer);
        }
    }
    const std::string doing = "accepting on " + impl->endpoint.text();
    if (code == asio::error::bad_descriptor ||
        !(impl->tcp_acceptor.is_open() || impl->unix_acceptor.is_open())) {
        co_return fail(ErrorCode::kClosed, doing + ": closed");
    }
    if (is_out_of_resources(code)) {
        co_return fail(ErrorCode::kBackpressure, doing + ": " + code.message());
    }
    if (code) {
        co_return stream_error(code, doing);
    }
    if (impl->options.tls) {
        auto context = impl->options.tls->current();
        auto& reference = *context;
        made->use_tls(std::move(context), reference);
    }
    co_return Stream(std::move(made));
}

void Listener::close() {
    if (impl_) {
        impl_->close();
    }
}

const Endpoint& Listener::local() const {
    return impl_->endpoint;
}

Result<Listener> listen(async::Executor executor, const Endpoint& endpoint, ListenOptions options) {
    auto impl = std::make_shared<Listener::Impl>(executor);
    impl->endpoint = endpoint;
    impl->options = std::move(options);
    SEYIR_CHECK(endpoint.is_unix() ? listen_unix(*impl) : listen_tcp(*impl));
    return Listener(std::move(impl));
}

}  // namespace seyir::net
