// SPDX-License-Identifier: Apache-2.0
#include "common/net/server/http_connection.hpp"

#include <chrono>
#include <ctime>
#include <iterator>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/io/clock.hpp"
#include "common/net/http/browser_guard.hpp"
#include "common/net/http/content_coding.hpp"
#include "common/net/http/encoding.hpp"
#include "common/net/http/status_text.hpp"

namespace seyir::net {

using async::Awaitable;
using std::chrono::milliseconds;

namespace {

// Beyond this, pipelined requests wait in the kernel.
constexpr size_t kReadAheadBytesMax = 64 * 1024;
constexpr milliseconds kLingerTimeout{2000};
constexpr size_t kLingerBytesMax = 32 * 1024 * 1024;

SteadyTime now() {
    return io::system_clock().steady_now();
}

/// Takes the content-encoding off, reads a form; the handler then sees the plain request.
Result<void> finish_body(HttpRequest& request, const HttpLimits& limits) {
    const auto encoding = request.header("content-encoding").value_or("");
    SEYIR_TRY(request.body, decode_content(encoding, std::move(request.body), limits));
    const auto type = request.header("content-type").value_or("");
    if (type.starts_with("application/x-www-form-urlencoded") && request.method == "POST") {
        auto form = parse_query(request.body);
        if (!form) {
            return fail(
                ErrorCode::kInvalidArgument,
                "the form holds a broken percent escape or over 1000 fields"
            );
        }
        std::ranges::move(*form, std::back_inserter(request.query));
    }
    return {};
}

int status_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::kTooLarge:
            return 413;
        case ErrorCode::kUnsupported:
            return 415;
        case ErrorCode::kBackpressure:
            return 429;
        case ErrorCode::kClosed:
            return 503;
        default:
            return 400;
    }
}

}  // namespace

struct HttpConnection::Request {
    std::shared_ptr<const HttpRoute> route;  ///< keeps its router alive
    std::string wildcard;
    Granted granted;
    std::string method;
    SteadyTime started;
    bool is_http_1_0 = false;
    bool keep_alive = false;
    bool is_checked = false;
    bool is_refused = false;  ///< answered before its body came

    std::string route_name() const { return route != nullptr ? route->path : "unmatched"; }
};

HttpConnection::HttpConnection(HttpServer::Shared& shared, Stream stream, PeerShare::Place place)
    : shared_(shared),
      place_(std::move(place)),
      stream_(std::move(stream)),
      changed_(std::make_shared<async::Event>(stream_.executor())),
      room_(stream_.executor()),
      reader_(shared.options.limits) {}

Awaitable<void> HttpConnection::serve(std::shared_ptr<HttpConnection> connection) {
    co_await connection->run();
}

Awaitable<void> HttpConnection::read_all(std::shared_ptr<HttpConnection> connection) {
    co_await connection->read_loop();
}

Awaitable<void> HttpConnection::run() {
    shared_.connections.add(1);
    stream_.set_read_deadline(now() + shared_.options.header_timeout);
    auto shaken = co_await stream_.handshake();
    if (shaken) {
        auto reading = shared_.connection_gate.spawn(
            stream_.executor(), "http reader", read_all(shared_from_this())
        );
        bool goes_on = reading.has_value();
        while (goes_on) {
            goes_on = co_await serve_one();
        }
        co_await linger();
    } else {
        log::debug("http", "TLS handshake failed", {{"error", shaken.error().message}});
    }
    stream_.close();
    room_.set();
    shared_.connections.add(-1);
}

Awaitable<void> HttpConnection::read_loop() {
    while (!has_ended_) {
        auto count = co_await stream_.read_some(chunk_);
        if (!count || *count == 0) {
            has_ended_ = true;
            break;
        }
        shared_.bytes_in.add(*count);
        buffer_.append(chunk_.data(), *count);
        changed_->set();
        while (buffer_.size() >= kReadAheadBytesMax && stream_.is_open()) {
            auto waited = co_await room_.wait();
            if (!waited) {
                has_ended_ = true;
                break;
            }
        }
    }
    if (queue_) {
        queue_->client_gone();
    }
    changed_->set();
}

void HttpConnection::begin_drain() {
    boost::asio::post(stream_.executor(), [self = shared_from_this()] {
        if (self->is_idle_) {
            self->stream_.close();
        }
        self->changed_->set();  // a websocket looks whether the server stops
    });
}

void HttpConnection::expect_more(const Request& request) {
    const auto& options = shared_.options;
    if (!request.is_checked) {
        return;
    }
    stream_.set_read_deadline(
        std::min(now() + options.body_timeout, request.started + options.body_total_timeout)
    );
}

Awaitable<bool> HttpConnection::serve_one() {
    Request request;
    is_idle_ = buffer_.empty();
    if (shared_.draining && is_idle_) {
        co_return false;
    }
    stream_.set_read_deadline(now() + shared_.options.idle_timeout);
    auto received = co_await receive(request);
    is_idle_ = false;
    if (!received) {
        co_return false;
    }
    // While the request is worked on, only the client's leaving ends the read.
    stream_.set_read_deadline(SteadyTime::max());
    auto queue = dispatch(request);
    queue_ = queue;
    if (has_ended_) {
        queue->client_gone();
    }
    auto goes_on = co_await answer(request, queue);
    queue_.reset();
    queue->detach(fail(ErrorCode::kClosed, "the client has gone"));
    co_return goes_on && !has_ended_;
}

/// A whole request, allowed or refused. False: nothing more to do with this client.
Awaitable<bool> HttpConnection::receive(Request& request) {
    while (true) {
        const bool had_begun = reader_.has_begun();
        auto fed = reader_.feed(buffer_);
        if (!had_begun && reader_.has_begun()) {
            is_idle_ = false;
            request.started = now();
            stream_.set_read_deadline(request.started + shared_.options.header_timeout);
        }
        if (!fed) {
            request.is_refused = true;
            auto response = HttpResponse::error(reader_.error_status(), fed.error());
            co_await send_whole(request, std::move(response));
            co_return false;
        }
        buffer_.erase(0, fed->used);
        room_.set();
        if (fed->progress != RequestReader::Progress::kNeedMore && !request.is_checked) {
            auto allowed = co_await allow(request);
            if (!allowed) {
                co_return false;
            }
        }
        if (fed->progress == RequestReader::Progress::kComplete) {
            co_return true;
        }
        if (fed->progress == RequestReader::Progress::kHead) {
            expect_more(request);
            continue;
        }
        if (has_ended_) {
            co_return false;
        }
        auto waited = co_await changed_->wait();
        if (!waited) {
            co_return false;
        }
        expect_more(request);
    }
}

/// Route and token, before any byte of the body is kept. Refusals end the connection: what the
/// client sends on is not read as a request.
Awaitable<bool> HttpConnection::allow(Request& request) {
    const auto& head = reader_.head();
    request.is_checked = true;
    request.method = head.method;
    request.is_http_1_0 = reader_.is_http_1_0();
    request.keep_alive = reader_.keep_alive() && !shared_.draining;
    const std::shared_ptr<const Router> router = shared_.current_router();
    auto match = router->find(head.method, head.path);
    request.route = std::shared_ptr<const HttpRoute>(router, match.route);
    request.wildcard = std::move(match.wildcard);
    HttpResponse refusal = std::move(match.refusal);
    bool is_allowed = match.route != nullptr;
    const auto authenticator = shared_.current_authenticator();
    if (is_allowed && match.route->scope != Scope::kNone && !shared_.options.listen.is_unix()) {
        if (auto why = browser_refusal(head, authenticator->is_open(), shared_.machine)) {
            is_allowed = false;
            refusal = HttpResponse::error(403, *why);
        }
    }
    if (is_allowed) {
        auto verdict =
            authenticator->check(head, match.route->scope, io::system_clock().wall_now());
        if (verdict) {
            request.granted = *std::move(verdict);
        } else {
            is_allowed = false;
            refusal = HttpResponse::error(verdict.error().status, verdict.error().error);
            if (verdict.error().status == 401) {
                refusal.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"seyir\"");
            }
        }
    }
    if (!is_allowed) {
        request.is_refused = true;
        co_await send_whole(request, std::move(refusal));
        co_return false;
    }
    if (reader_.expects_continue()) {
        auto sent = co_await send("HTTP/1.1 100 Continue\r\n\r\n", std::string_view());
        co_return sent;
    }
    co_return true;
}

std::shared_ptr<AnswerQueue> HttpConnection::dispatch(Request& request) {
    auto queue = std::make_shared<AnswerQueue>(changed_, shared_.options.stream_bytes_max);
    HttpRequest taken = reader_.take();
    taken.peer = stream_.peer();
    taken.token_name = request.granted.token_name;
    taken.tenant = request.granted.tenant;
    taken.wildcard = std::move(request.wildcard);
    auto exchange = make_exchange(std::move(taken), queue);
    auto job = [exchange, route = request.route, limits = shared_.options.limits]() mutable {
        auto finished = finish_body(mutable_request(*exchange), limits);
        if (!finished) {
            exchange->respond(HttpResponse::error(status_of(finished.error()), finished.error()));
            return;
        }
        route->handler(std::move(exchange));
    };
    auto posted = shared_.lanes.of(request.route->lane).post(std::move(job));
    if (!posted) {
        auto response = HttpResponse::error(status_of(posted.error()), posted.error());
        response.headers.emplace_back("Retry-After", "1");
        exchange->respond(std::move(response));
    }
    return queue;
}

Awaitable<bool> HttpConnection::answer(Request& request, std::shared_ptr<AnswerQueue> queue) {
    while (true) {
        auto next = queue->next();
        if (next.kind == AnswerQueue::Kind::kWhole) {
            auto sent = co_await send_whole(request, std::move(next.response));
            co_return sent&& request.keep_alive;
        }
        if (next.kind == AnswerQueue::Kind::kStreamHead) {
            auto streamed = co_await stream(request, queue, std::move(next.response));
            co_return streamed&& request.keep_alive;
        }
        if (next.kind == AnswerQueue::Kind::kWebSocketHead) {
            auto head = response_head(request, next.response, false);
            co_await websocket(std::move(head), queue);
            shared_.count(request.route_name(), next.response.status, now() - request.started);
            co_return false;
        }
        auto waited = co_await changed_->wait();
        if (!waited || !stream_.is_open()) {
            co_return false;
        }
    }
}

Awaitable<bool> HttpConnection::stream(
    Request& request, std::shared_ptr<AnswerQueue> queue, HttpResponse head
) {
    const bool has_body = request.method != "HEAD";
    request.keep_alive = request.keep_alive && !request.is_http_1_0;
    auto head_text = response_head(request, head, true);
    bool sent = co_await send(std::move(head_text), std::string_view());
    while (sent) {
        auto next = queue->next();
        if (next.kind == AnswerQueue::Kind::kPiece && has_body) {
            sent = co_await send_piece(request, std::move(next.piece));
        } else if (next.kind == AnswerQueue::Kind::kNothing) {
            auto waited = co_await changed_->wait();
            sent = waited.has_value() && stream_.is_open();
        } else if (next.kind == AnswerQueue::Kind::kEnd) {
            break;
        } else if (next.kind == AnswerQueue::Kind::kCutOff) {
            // No last chunk: the client must not take the answer for a whole one.
            shared_.count(request.route_name(), 500, now() - request.started);
            stream_.close();
            co_return false;
        }
    }
    if (sent && has_body && !request.is_http_1_0) {
        sent = co_await send("0\r\n\r\n", std::string_view());
    }
    shared_.count(request.route_name(), sent ? head.status : 499, now() - request.started);
    co_return sent;
}

Awaitable<bool> HttpConnection::send_whole(Request& request, HttpResponse response) {
    request.keep_alive = request.keep_alive && !request.is_refused && !shared_.draining;
    auto head = response_head(request, response, false);
    const bool has_body = request.method != "HEAD" && response.status != 204;
    const auto body = has_body ? std::string_view(response.body) : std::string_view();
    auto sent = co_await send(std::move(head), body);
    const auto taken = request.started == SteadyTime() ? Nanos(0) : Nanos(now() - request.started);
    shared_.count(request.route_name(), response.status, taken);
    co_return sent;
}

Awaitable<bool> HttpConnection::send_piece(Request& request, std::string piece) {
    if (request.is_http_1_0) {
        auto sent = co_await send(std::string(), piece);
        co_return sent;
    }
    auto size = fmt::format("{:x}\r\n", piece.size());
    piece += "\r\n";
    auto sent = co_await send(std::move(size), piece);
    co_return sent;
}

Awaitable<bool> HttpConnection::send(std::string head, std::string_view body) {
    stream_.set_write_deadline(now() + shared_.options.write_timeout);
    auto written = co_await stream_.write(head, body);
    stream_.set_write_deadline(SteadyTime::max());
    if (!written) {
        has_ended_ = true;
        log::debug("http", "an answer could not be sent", {{"error", written.error().message}});
        co_return false;
    }
    shared_.bytes_out.add(head.size() + body.size());
    co_return true;
}

/// A close while the client still sends would reset the connection and take the answer with it
/// (RFC 9112, 9.6): end our side, read on a little, then close.
Awaitable<void> HttpConnection::linger() {
    if (!stream_.is_open()) {
        co_return;
    }
    const SteadyTime deadline = now() + kLingerTimeout;
    stream_.set_write_deadline(deadline);
    stream_.set_read_deadline(deadline);
    stream_.finish_writing();
    size_t discarded = 0;
    while (!has_ended_ && discarded < kLingerBytesMax) {
        discarded += buffer_.size();
        buffer_.clear();
        room_.set();
        if (stream_.is_tls() && discarded == 0) {
            break;
        }
        auto waited = co_await changed_->wait(deadline);
        if (!waited) {
            break;
        }
    }
    if (stream_.is_tls()) {
        co_await stream_.shutdown();
    }
}

std::string HttpConnection::response_head(
    const Request& request, const HttpResponse& response, bool is_stream
) const {
    const bool is_upgrade = response.status == 101;
    std::string head = fmt::format(
        "HTTP/1.1 {} {}\r\nDate: {}\r\n",
        response.status,
        status_text(response.status),
        http_date(io::system_clock().wall_now())
    );
    if (!response.content_type.empty()) {
        append_header(head, "Content-Type", response.content_type);
    }
    append_header(head, "X-Content-Type-Options", "nosniff");
    if (is_stream) {
        if (!request.is_http_1_0) {
            head += "Transfer-Encoding: chunked\r\n";
        }
    } else if (response.status != 204 && !is_upgrade) {
        head += fmt::format("Content-Length: {}\r\n", response.body.size());
    }
    for (const auto& [name, value] : response.headers) {
        append_header(head, name, value);
    }
    if (is_upgrade) {
        // The Connection header says Upgrade.
    } else if (!request.keep_alive) {
        head += "Connection: close\r\n";
    } else if (request.is_http_1_0) {
        head += "Connection: keep-alive\r\n";
    }
    head += "\r\n";
    return head;
}

}  // namespace seyir::net
