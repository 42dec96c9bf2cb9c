// SPDX-License-Identifier: Apache-2.0
#include "common/net/http_client.hpp"

#include <array>
#include <random>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "common/base/base64.hpp"
#include "common/io/clock.hpp"
#include "common/net/stream.hpp"

namespace seyir::net {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using async::Awaitable;
using boost::system::error_code;
using Parser = http::response_parser<http::string_body>;

namespace {

constexpr uint32_t kHeaderBytesMax = 64 * 1024;
constexpr uint16_t kDefaultPort = 7400;
constexpr size_t kLastChunkBytes = 5;  // "0\r\n\r\n"
constexpr size_t kWebSocketKeyBytes = 16;
constexpr int kSwitchingProtocols = 101;
constexpr size_t kMessageBytesMax = 64 * 1024 * 1024;

/// Runs a coroutine to its end on the calling thread.
template <class T>
Result<T> run_here(asio::io_context& context, Awaitable<Result<T>> work) {
    std::optional<Result<T>> outcome;
    asio::co_spawn(context, std::move(work), [&](std::exception_ptr exception, Result<T> result) {
        if (exception) {
            outcome.emplace(fail(ErrorCode::kInternal, "the HTTP client failed unexpectedly"));
        } else {
            outcome.emplace(std::move(result));
        }
    });
    context.restart();
    while (!outcome) {
        context.run_one();
    }
    return *std::move(outcome);
}

Error with_hint(Error error, const ServerUrl& url, const HttpClientOptions& options) {
    const std::string program = options.peer_hint.empty() ? "the server" : options.peer_hint;
    if (error.message.ends_with("connection refused") || error.code == ErrorCode::kNoSpace) {
        error.message =
            "connection refused at " + url.endpoint.text() + ": is " + program + " running there?";
    } else if (error.code == ErrorCode::kNotFound) {
        error.message += ": check the address";
    } else if (error.code == ErrorCode::kTimeout) {
        error.message += ": is " + program + " running there, and does a firewall let you through?";
    } else if (error.code == ErrorCode::kRefused && url.endpoint.is_unix()) {
        error.message += ": the socket belongs to another user, try with sudo";
    }
    return error;
}

}  // namespace

std::optional<std::string_view> HttpAnswerHead::header(std::string_view name) const {
    HttpRequest lookup;
    for (const auto& [key, value] : headers) {
        lookup.headers.assign(1, {key, {}});
        if (lookup.header(name)) {
            return value;
        }
    }
    return std::nullopt;
}

struct HttpClient::State {
    std::string url_text;
    ServerUrl url;
    HttpClientOptions options;
    asio::io_context context{1};
    std::optional<Stream> stream;  // after `context`: it goes first
    std::optional<Parser> parser;
    std::string buffer;  // received, not yet parsed
    std::string piece;
    std::array<char, 64 * 1024> chunk{};
    std::optional<WebSocketReader> websocket;
    uint16_t close_code = kWebSocketNormal;

    SteadyTime idle_deadline() const {
        if (options.idle_timeout.count() == 0) {
            return SteadyTime::max();
        }
        return io::system_clock().steady_now() + options.idle_timeout;
    }

    Result<void> connect_if_needed();
    Result<void> send(const Request& request);
    Result<bool> advance();
    Result<size_t> receive();
    Result<void> send_frame(WebSocketOpcode opcode, std::string_view payload);
    Result<std::optional<std::string>> next_message();
    std::string head_of(const Request& request) const;

    void drop() {
        websocket.reset();
        stream.reset();
        parser.reset();
        buffer.clear();
    }
};

Result<void> HttpClient::State::connect_if_needed() {
    if (stream) {
        return {};
    }
    ConnectOptions connecting{
        .deadline = io::system_clock().steady_now() + options.connect_timeout,
        .tls = url.is_tls ? options.tls : nullptr
    };
    auto connected = run_here(context, connect(url.endpoint, std::move(connecting)));
    if (!connected) {
        return with_hint(std::move(connected).error(), url, options);
    }
    stream = *std::move(connected);
    return {};
}

std::string HttpClient::State::head_of(const Request& request) const {
    std::string head = request.method + " " + url.base_path + request.target + " HTTP/1.1\r\n";
    head += "Host: " + (url.endpoint.is_unix() ? std::string("localhost") : url.endpoint.text());
    head += "\r\nUser-Agent: seyir\r\nAccept-Encoding: identity\r\n";
    if (!options.token.empty()) {
        head += "Authorization: Bearer " + options.token + "\r\n";
    }
    if (!request.body.empty() || request.method == "POST") {
        head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    }
    for (const auto& [name, value] : request.headers) {
        head += name + ": " + value + "\r\n";
    }
    return head + "\r\n";
}

Result<void> HttpClient::State::send(const Request& request) {
    SEYIR_CHECK(connect_if_needed());
    const std::string head = head_of(request);
    stream->set_write_deadline(idle_deadline());
    SEYIR_CHECK(run_here(context, stream->write(head, request.body)));
    stream->set_write_deadline(SteadyTime::max());
    parser.emplace();
    parser->header_limit(kHeaderBytesMax);
    parser->body_limit(boost::none);
    parser->skip(request.method == "HEAD");
    parser->eager(true);
    return {};
}

Result<size_t> HttpClient::State::receive() {
    stream->set_read_deadline(idle_deadline());
    return run_here(context, stream->read_some(chunk));
}

/// One step: parse what there is, or receive more. True when the parser moved on.
Result<bool> HttpClient::State::advance() {
    error_code code;
    // As in request_reader.cpp: within a chunked body Beast wants at least its last five bytes.
    const bool is_too_little =
        parser->is_header_done() && parser->chunked() && buffer.size() < kLastChunkBytes;
    if (!buffer.empty() && !is_too_little) {
        const size_t used = parser->put(asio::buffer(buffer), code);
        buffer.erase(0, used);
        if (code && code != http::error::need_more) {
            return fail(ErrorCode::kCorrupt, url_text + " does not speak HTTP: " + code.message());
        }
        if (used > 0) {
            return true;
        }
    }
    SEYIR_TRY(const size_t count, receive());
    buffer.append(chunk.data(), count);
    if (count == 0 && !parser->got_some()) {
        return fail(
            ErrorCode::kClosed,
            url_text + ": the connection was closed without an answer (TLS on one side only?)"
        );
    }
    if (count == 0) {
        parser->put_eof(code);
        if (code) {
            return fail(
                ErrorCode::kCorrupt,
                url_text + ": the answer ended early: the server stopped or failed while answering"
            );
        }
    }
    return false;
}

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

Result<HttpClient> HttpClient::open(std::string_view url, HttpClientOptions options) {
    auto state = std::make_unique<State>();
    state->url_text = url;
    SEYIR_TRY(state->url, parse_server_url(url, kDefaultPort));
    if (state->url.is_tls && !options.tls) {
        SEYIR_TRY(options.tls, TlsClientContext::load({}));
    }
    state->options = std::move(options);
    return HttpClient(std::move(state));
}

Result<HttpAnswerHead> HttpClient::start(const Request& request) {
    auto& state = *state_;
    if (state.parser && (!state.parser->is_done() || !state.parser->keep_alive())) {
        state.drop();
    }
    const bool is_reused = state.stream.has_value();
    auto attempt = [&]() -> Result<void> {
        SEYIR_CHECK(state.send(request));
        while (!state.parser->is_header_done()) {
            SEYIR_CHECK(state.advance());
        }
        return {};
    };
    auto done = attempt();
    // A kept connection may have been closed meanwhile; only what is safe to repeat is sent again.
    if (!done && is_reused && request.method == "GET" && done.error().code != ErrorCode::kTimeout) {
        state.drop();
        done = attempt();
    }
    if (!done) {
        state.drop();
        return std::move(done).error();
    }
    HttpAnswerHead head;
    const auto& message = state.parser->get();
    head.status = message.result_int();
    for (const auto& field : message) {
        const auto name = field.name_string();
        const auto value = field.value();
        head.headers.emplace_back(
            std::string(name.data(), name.size()), std::string(value.data(), value.size())
        );
    }
    return head;
}

Result<std::string_view> HttpClient::read() {
    auto& state = *state_;
    if (!state.parser) {
        return fail(ErrorCode::kClosed, state.url_text + ": no answer is under way");
    }
    auto& body = state.parser->get().body();
    while (body.empty() && !state.parser->is_done()) {
        auto moved = state.advance();
        if (!moved) {
            state.drop();
            return std::move(moved).error();
        }
    }
    state.piece.swap(body);
    body.clear();
    return std::string_view(state.piece);
}

Result<HttpAnswer> HttpClient::fetch(const Request& request, size_t body_bytes_max) {
    HttpAnswer answer;
    SEYIR_TRY(answer.head, start(request));
    while (true) {
        SEYIR_TRY(const auto piece, read());
        if (piece.empty()) {
            return answer;
        }
        if (answer.body.size() + piece.size() > body_bytes_max) {
            state_->drop();
            return fail(
                ErrorCode::kTooLarge,
                "the answer is larger than " + std::to_string(body_bytes_max) + " bytes"
            );
        }
        answer.body += piece;
    }
}

Result<HttpAnswerHead> HttpClient::start_websocket(Request request) {
    auto& state = *state_;
    std::string nonce(kWebSocketKeyBytes, '\0');
    std::random_device random;
    for (char& c : nonce) {
        c = static_cast<char>(random());
    }
    std::string key;
    append_base64(key, nonce);
    request.headers.emplace_back("Upgrade", "websocket");
    request.headers.emplace_back("Connection", "Upgrade");
    request.headers.emplace_back("Sec-WebSocket-Version", "13");
    request.headers.emplace_back("Sec-WebSocket-Key", key);
    state.drop();
    SEYIR_TRY(auto head, start(request));
    if (head.status != kSwitchingProtocols) {
        return head;
    }
    if (head.header("sec-websocket-accept") != websocket_accept(key)) {
        state.drop();
        return fail(ErrorCode::kCorrupt, state.url_text + " does not speak websocket");
    }
    state.websocket.emplace(WebSocketReader::Side::kClient, kMessageBytesMax);
    state.websocket->feed(state.buffer);
    state.buffer.clear();
    return head;
}

Result<void> HttpClient::State::send_frame(WebSocketOpcode opcode, std::string_view payload) {
    // The mask keeps proxies from taking payload for HTTP; nothing of ours can be confused.
    std::string frame;
    append_websocket_frame(frame, opcode, payload, std::random_device()());
    stream->set_write_deadline(idle_deadline());
    SEYIR_CHECK(run_here(context, stream->write(frame)));
    stream->set_write_deadline(SteadyTime::max());
    return {};
}

Result<std::optional<std::string>> HttpClient::State::next_message() {
    while (true) {
        SEYIR_TRY(auto message, websocket->next());
        if (!message) {
            SEYIR_TRY(const size_t count, receive());
            if (count == 0) {
                return fail(
                    ErrorCode::kClosed, url_text + ": the connection was closed without a goodbye"
                );
            }
            websocket->feed({chunk.data(), count});
        } else if (message->opcode == WebSocketOpcode::kPing) {
            SEYIR_CHECK(send_frame(WebSocketOpcode::kPong, message->payload));
        } else if (message->opcode == WebSocketOpcode::kClose) {
            close_code = message->close_code();
            (void)send_frame(WebSocketOpcode::kClose, message->payload);
            return std::optional<std::string>();
        } else if (message->opcode == WebSocketOpcode::kText) {
            return std::optional(std::move(message->payload));
        }
    }
}

Result<std::optional<std::string>> HttpClient::read_message() {
    auto& state = *state_;
    if (!state.websocket) {
        return fail(ErrorCode::kClosed, state.url_text + ": no websocket is open");
    }
    auto message = state.next_message();
    if (!message || !*message) {
        state.drop();
    }
    return message;
}

uint16_t HttpClient::close_code() const {
    return state_->close_code;
}

void HttpClient::close() {
    state_->drop();
}

const std::string& HttpClient::url() const {
    return state_->url_text;
}

}  // namespace seyir::net
