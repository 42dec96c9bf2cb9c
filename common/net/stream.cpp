// SPDX-License-Identifier: Apache-2.0
#include "common/net/stream.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/async/deadline.hpp"
#include "common/io/clock.hpp"
#include "common/net/stream_impl.hpp"

namespace seyir::net {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::use_awaitable;
using boost::system::error_code;

namespace {

constexpr auto kAwait = as_tuple(use_awaitable);

std::string tls_reason(const error_code& code) {
    const auto error = static_cast<unsigned long>(code.value());
    const char* reason = ERR_reason_error_string(error);
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER) {
        // What arrived is no record of TLS (RFC 8446, 5.1).
        return "wrong version number: the other side speaks plain text, not TLS";
    }
    return reason != nullptr ? reason : code.message();
}

}  // namespace

Error stream_error(const error_code& code, const std::string& doing) {
    namespace err = asio::error;
    if (code == err::operation_aborted) {
        return fail(ErrorCode::kCancelled, doing + ": told to stop");
    }
    if (code == err::eof || code == err::connection_reset || code == err::broken_pipe ||
        code == err::bad_descriptor || code == asio::ssl::error::stream_truncated) {
        return fail(ErrorCode::kClosed, doing + ": the peer closed the connection");
    }
    if (code == err::timed_out) {
        return fail(ErrorCode::kTimeout, doing + ": timed out");
    }
    if (code == err::connection_refused) {
        return fail(ErrorCode::kIo, doing + ": connection refused");
    }
    if (code == err::host_not_found || code == err::host_not_found_try_again ||
        code == err::no_data || code == err::service_not_found) {
        return fail(ErrorCode::kNotFound, doing + ": no such host name");
    }
    if (code.category() == asio::error::get_ssl_category()) {
        return fail(ErrorCode::kUnauthorized, doing + ": TLS: " + tls_reason(code));
    }
    if (code == err::access_denied) {
        return fail(ErrorCode::kRefused, doing + ": permission denied");
    }
    return fail(ErrorCode::kIo, doing + ": " + code.message());
}

void Stream::Impl::arm(Deadline& deadline, SteadyTime when) {
    deadline.when = when;
    if (when == SteadyTime::max()) {
        return;  // a timer under way looks at `when` and finds nothing to do
    }
    if (deadline.is_armed && deadline.timer.expiry() <= when) {
        return;  // it fires earlier and re-arms: cheaper than moving it on every call
    }
    deadline.is_armed = true;
    deadline.timer.expires_at(when);
    deadline.timer.async_wait([weak = weak_from_this(), &deadline](const error_code& code) {
        auto self = weak.lock();
        if (code || !self) {
            return;
        }
        deadline.is_armed = false;
        if (deadline.when == SteadyTime::max()) {
            return;
        }
        if (deadline.when > std::chrono::steady_clock::now()) {
            self->arm(deadline, deadline.when);
            return;
        }
        deadline.has_passed = true;
        self->close();
    });
}

void Stream::Impl::close() {
    closed = true;
    error_code ignored;
    lowest().close(ignored);
    read_deadline.timer.cancel();
    write_deadline.timer.cancel();
    read_deadline.is_armed = false;
    write_deadline.is_armed = false;
}

Error Stream::Impl::told_to_stop(const char* doing) const {
    return fail(ErrorCode::kCancelled, std::string(doing) + " " + peer + ": told to stop");
}

Error Stream::Impl::failure(const error_code& code, const Deadline& deadline, const char* doing) {
    const std::string context = std::string(doing) + " " + peer;
    if (deadline.has_passed) {
        return fail(ErrorCode::kTimeout, context + ": the deadline passed");
    }
    if (closed) {
        return fail(ErrorCode::kClosed, context + ": the connection is closed");
    }
    return stream_error(code, context);
}

Stream::Stream() = default;

Stream::Stream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Stream::Stream(Stream&&) noexcept = default;

Stream& Stream::operator=(Stream&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
}

Stream::~Stream() = default;

async::Awaitable<Result<void>> Stream::handshake() {
    auto impl = impl_;
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (was_cancelled(cancellation)) {
        co_return impl->told_to_stop("TLS handshake with");
    }
    if (!impl->tls || impl->is_shaken) {
        co_return Result<void>{};
    }
    const auto role = asio::ssl::stream_base::server;
    auto [code] = co_await impl->tls->async_handshake(role, kAwait);
    if (code) {
        co_return impl->failure(code, impl->read_deadline, "TLS handshake with");
    }
    impl->is_shaken = true;
    co_return Result<void>{};
}

async::Awaitable<Result<size_t>> Stream::read_some(std::span<char> into) {
    auto impl = impl_;
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (was_cancelled(cancellation)) {
        co_return impl->told_to_stop("reading from");
    }
    const auto buffer = asio::buffer(into.data(), into.size());
    error_code code;
    size_t count = 0;
    if (impl->tls) {
        std::tie(code, count) = co_await impl->tls->async_read_some(buffer, kAwait);
    } else {
        std::tie(code, count) = co_await impl->socket->async_read_some(buffer, kAwait);
    }
    if (code == asio::error::eof) {
        co_return size_t{0};
    }
    if (code) {
        co_return impl->failure(code, impl->read_deadline, "reading from");
    }
    co_return count;
}

async::Awaitable<Result<void>> Stream::write(std::string_view bytes) {
    auto result = co_await write(bytes, std::string_view());
    co_return std::move(result);
}

async::Awaitable<Result<void>> Stream::write(std::string_view first, std::string_view second) {
    auto impl = impl_;
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (was_cancelled(cancellation)) {
        co_return impl->told_to_stop("writing to");
    }
    const std::array<asio::const_buffer, 2> buffers{
        asio::buffer(first.data(), first.size()), asio::buffer(second.data(), second.size())
    };
    error_code code;
    size_t count = 0;
    if (impl->tls) {
        std::tie(code, count) = co_await asio::async_write(*impl->tls, buffers, kAwait);
    } else {
        std::tie(code, count) = co_await asio::async_write(*impl->socket, buffers, kAwait);
    }
    if (code) {
        co_return impl->failure(code, impl->write_deadline, "writing to");
    }
    co_return Result<void>{};
}

void Stream::set_read_deadline(SteadyTime deadline) {
    impl_->arm(impl_->read_deadline, deadline);
}

void Stream::set_write_deadline(SteadyTime deadline) {
    impl_->arm(impl_->write_deadline, deadline);
}

async::Awaitable<void> Stream::shutdown() {
    auto impl = impl_;
    if (!impl || impl->closed) {
        co_return;
    }
    if (impl->tls && impl->is_shaken) {
        [[maybe_unused]] auto [code] = co_await impl->tls->async_shutdown(kAwait);
    }
    error_code ignored;
    impl->lowest().shutdown(asio::socket_base::shutdown_send, ignored);
    impl->close();
}

void Stream::finish_writing() {
    error_code ignored;
    if (!impl_->closed && !impl_->tls) {
        impl_->lowest().shutdown(asio::socket_base::shutdown_send, ignored);
    }
}

void Stream::close() {
    if (impl_) {
        impl_->close();
    }
}

bool Stream::is_open() const {
    return impl_ && !impl_->closed;
}

const std::string& Stream::peer() const {
    return impl_->peer;
}

bool Stream::is_tls() const {
    return impl_->tls.has_value();
}

std::string Stream::peer_certificate_name() const {
    if (!impl_->tls) {
        return {};
    }
    X509* certificate = SSL_get0_peer_certificate(impl_->tls->native_handle());
    if (certificate == nullptr) {
        return {};
    }
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(
        X509_get_subject_name(certificate), NID_commonName, name.data(), name.size()
    );
    return name.data();
}

async::Executor Stream::executor() const {
    return impl_->executor;
}

}  // namespace seyir::net
