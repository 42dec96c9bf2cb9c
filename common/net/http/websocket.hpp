// SPDX-License-Identifier: Apache-2.0
// Websockets on bytes: the opening handshake, frames in both directions. No sockets.
// Room: bytes <-> WebSocketMessage.
// Threads: pure functions; a reader has one owner.
// Errors: a broken rule makes next() fail for good; close_code() is what to tell the peer.
// Limits: a message has `message_bytes_max` bytes, fragments together; a control frame 125.
// Spec: RFC 6455. Extensions are not offered, so reserved bits must be 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/net/http.hpp"

namespace seyir::net {

enum class WebSocketOpcode : uint8_t {
    kContinuation = 0,
    kText = 1,
    kBinary = 2,
    kClose = 8,
    kPing = 9,
    kPong = 10,
};

/// Codes of a close frame (RFC 6455 7.4.1).
inline constexpr uint16_t kWebSocketNormal = 1000;
inline constexpr uint16_t kWebSocketProtocolError = 1002;
inline constexpr uint16_t kWebSocketNotUtf8 = 1007;
inline constexpr uint16_t kWebSocketTooBig = 1009;
inline constexpr uint16_t kWebSocketInternalError = 1011;

/// The request asks to become a websocket (rightly or not).
bool wants_websocket(const HttpRequest& request);

/// Its key; kUnsupported for another version than 13, kInvalidArgument for another mistake.
Result<std::string> websocket_key(const HttpRequest& request);

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);

/// A whole message in one frame. Clients mask (RFC 6455 5.3), servers do not.
void append_websocket_frame(
    std::string& out,
    WebSocketOpcode opcode,
    std::string_view payload,
    std::optional<uint32_t> mask = std::nullopt
);

/// Payload of a close frame; the reason is cut to what fits.
std::string websocket_close_payload(uint16_t code, std::string_view reason);

struct WebSocketMessage {
    WebSocketOpcode opcode = WebSocketOpcode::kText;  ///< never kContinuation
    std::string payload;

    /// Of a close frame; 1005 = it has none.
    uint16_t close_code() const;
};

class WebSocketReader {
  public:
    enum class Side { kServer, kClient };  ///< whose side we are

    WebSocketReader(Side side, size_t message_bytes_max)
        : side_(side), message_bytes_max_(message_bytes_max) {}

    void feed(std::string_view bytes) { buffer_.append(bytes); }

    /// The next message; nothing = feed more.
    Result<std::optional<WebSocketMessage>> next();

    /// After next() failed.
    uint16_t close_code() const { return close_code_; }

  private:
    struct Frame {
        bool is_last = false;
        WebSocketOpcode opcode = WebSocketOpcode::kText;
        std::string payload;
    };

    Result<std::optional<Frame>> next_frame();
    Result<void> check_head(uint8_t first, uint8_t second) const;
    Result<std::optional<WebSocketMessage>> join(Frame frame);
    Error broken(uint16_t code, std::string message);

    Side side_;
    size_t message_bytes_max_;
    std::string buffer_;
    std::optional<WebSocketMessage> partial_;
    std::optional<Error> failed_;
    uint16_t close_code_ = kWebSocketNormal;
};

}  // namespace seyir::net
