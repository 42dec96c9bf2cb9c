// SPDX-License-Identifier: Apache-2.0
// A connection that became a websocket: what the handler queued goes out, pings are answered, a
// silent client is asked, the server's stop closes with 1000.
#include <chrono>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/io/clock.hpp"
#include "common/net/server/http_connection.hpp"

namespace seyir::net {

using async::Awaitable;
using namespace std::chrono_literals;

namespace {

// Clients send us nothing but control frames and small requests.
constexpr size_t kMessageBytesMax = 64 * 1024;
constexpr int kPatience = 5;

SteadyTime now() {
    return io::system_clock().steady_now();
}

}  // namespace

Awaitable<bool> HttpConnection::send_control(WebSocketOpcode opcode, std::string payload) {
    std::string frame;
    append_websocket_frame(frame, opcode, payload);
    auto sent = co_await send(std::move(frame), std::string_view());
    co_return sent;
}

/// What the client sent. False: it closed, or broke a rule.
Awaitable<bool> HttpConnection::answer_frames(WebSocketReader& reader) {
    reader.feed(buffer_);
    buffer_.clear();
    room_.set();
    while (true) {
        auto message = reader.next();
        if (!message) {
            log::debug("http", "a websocket ends", {{"error", message.error().message}});
            auto payload = websocket_close_payload(reader.close_code(), message.error().message);
            co_await send_control(WebSocketOpcode::kClose, std::move(payload));
            co_return false;
        }
        if (!*message) {
            co_return true;
        }
        if ((*message)->opcode == WebSocketOpcode::kPing) {
            auto sent =
                co_await send_control(WebSocketOpcode::kPong, std::move((*message)->payload));
            if (!sent) {
                co_return false;
            }
        } else if ((*message)->opcode == WebSocketOpcode::kClose) {
            const uint16_t code = (*message)->close_code();
            auto payload =
                (*message)->payload.empty() ? std::string() : websocket_close_payload(code, "");
            co_await send_control(WebSocketOpcode::kClose, std::move(payload));
            co_return false;
        }
    }
}

/// Asks a client that is silent; false when it has not answered for kPatience intervals more (what
/// waits for a slow one goes before the ping).
Awaitable<bool> HttpConnection::keep_alive(SteadyTime heard, bool& is_asked) {
    const auto interval = shared_.options.websocket_ping_interval;
    if (now() < heard + interval * (is_asked ? kPatience : 1)) {
        co_return true;
    }
    if (is_asked) {
        log::debug("http", "a websocket's client does not answer pings", {});
        co_return false;
    }
    is_asked = true;
    auto sent = co_await send_control(WebSocketOpcode::kPing, std::string());
    co_return sent;
}

Awaitable<void> HttpConnection::websocket(std::string head, std::shared_ptr<AnswerQueue> queue) {
    bool goes_on = co_await send(std::move(head), std::string_view());
    WebSocketReader reader(WebSocketReader::Side::kServer, kMessageBytesMax);
    SteadyTime heard = now();
    bool is_asked = false;
    while (goes_on && stream_.is_open()) {
        if (!buffer_.empty()) {
            heard = now();
            is_asked = false;
            goes_on = co_await answer_frames(reader);
            continue;
        }
        if (has_ended_) {
            break;
        }
        if (shared_.draining) {
            auto payload = websocket_close_payload(kWebSocketNormal, "the server is stopping");
            co_await send_control(WebSocketOpcode::kClose, std::move(payload));
            break;
        }
        auto next = queue->next();
        if (next.kind == AnswerQueue::Kind::kPiece) {
            goes_on = co_await send(std::move(next.piece), std::string_view());
        } else if (next.kind == AnswerQueue::Kind::kNothing) {
            const auto interval = shared_.options.websocket_ping_interval;
            const SteadyTime look = heard + interval * (is_asked ? kPatience : 1);
            auto waited = co_await changed_->wait(look);
            if (!waited && waited.error().code != ErrorCode::kTimeout) {
                break;
            }
            goes_on = co_await keep_alive(heard, is_asked);
        } else if (next.kind == AnswerQueue::Kind::kCutOff) {
            auto payload = websocket_close_payload(kWebSocketInternalError, "the server failed");
            co_await send_control(WebSocketOpcode::kClose, std::move(payload));
            break;
        } else {
            break;  // kEnd: the close frame was the last piece
        }
    }
    queue->client_gone();
}

}  // namespace seyir::net
