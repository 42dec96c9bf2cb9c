// SPDX-License-Identifier: Apache-2.0
#include "common/net/http/websocket.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "common/base/base64.hpp"
#include "common/base/text.hpp"
#include "common/net/http/encoding.hpp"

namespace seyir::net {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr size_t kKeyBytes = 16;
constexpr size_t kControlBytesMax = 125;
constexpr uint16_t kNoCode = 1005;
constexpr uint8_t kLast = 0x80;
constexpr uint8_t kMasked = 0x80;
constexpr uint8_t kReserved = 0x70;
constexpr uint8_t kLength16 = 126;
constexpr uint8_t kLength64 = 127;

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

/// True when the comma-separated header has the token.
bool has_token(std::optional<std::string_view> header, std::string_view token) {
    std::string_view rest = header.value_or("");
    while (!rest.empty()) {
        const size_t comma = std::min(rest.find(','), rest.size());
        std::string_view item = rest.substr(0, comma);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        while (!item.empty() && item.front() == ' ') {
            item.remove_prefix(1);
        }
        while (!item.empty() && item.back() == ' ') {
            item.remove_suffix(1);
        }
        if (equal_ignoring_case(item, token)) {
            return true;
        }
    }
    return false;
}

uint64_t read_big_endian(std::string_view bytes) {
    uint64_t value = 0;
    for (const char c : bytes) {
        value = value << 8 | static_cast<uint8_t>(c);
    }
    return value;
}

void append_big_endian(std::string& out, uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) {
        out += static_cast<char>(value >> (8 * i));
    }
}

bool is_control(WebSocketOpcode opcode) {
    return opcode >= WebSocketOpcode::kClose;
}

bool is_known(uint8_t opcode) {
    return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

/// Codes a peer may send (RFC 6455 7.4).
bool is_sendable(uint16_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

void apply_mask(std::string& text, size_t from, uint32_t mask) {
    for (size_t i = from; i < text.size(); ++i) {
        text[i] = static_cast<char>(
            static_cast<uint8_t>(text[i]) ^
            static_cast<uint8_t>(mask >> (24 - 8 * ((i - from) % 4)))
        );
    }
}

}  // namespace

bool wants_websocket(const HttpRequest& request) {
    return has_token(request.header("upgrade"), "websocket");
}

Result<std::string> websocket_key(const HttpRequest& request) {
    const auto bad = [](std::string_view what) {
        return fail(ErrorCode::kInvalidArgument, fmt::format("websocket handshake: {}", what));
    };
    if (request.method != "GET") {
        return bad("the method must be GET");
    }
    if (!wants_websocket(request)) {
        return bad("this call is a websocket: the header `Upgrade: websocket` is missing");
    }
    if (!has_token(request.header("connection"), "upgrade")) {
        return bad("the header `Connection: Upgrade` is missing (does a proxy drop it?)");
    }
    const std::string_view version = request.header("sec-websocket-version").value_or("");
    if (version != "13") {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format(
                "websocket handshake: only version 13 is known, not {}", json_quote(version)
            )
        );
    }
    const std::string_view key = request.header("sec-websocket-key").value_or("");
    const auto decoded = base64_decode(key);
    if (!decoded || decoded->size() != kKeyBytes) {
        return bad("Sec-WebSocket-Key must be 16 bytes in base64");
    }
    return std::string(key);
}

std::string websocket_accept(std::string_view key) {
    const std::string text = std::string(key) + std::string(kGuid);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    // SHA-1 as the RFC fixes it; it protects nothing here.
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
    std::string out;
    append_base64(out, {reinterpret_cast<const char*>(digest.data()), size});
    return out;
}

void append_websocket_frame(
    std::string& out, WebSocketOpcode opcode, std::string_view payload, std::optional<uint32_t> mask
) {
    const uint8_t masked = mask ? kMasked : 0;
    out += static_cast<char>(kLast | static_cast<uint8_t>(opcode));
    if (payload.size() < kLength16) {
        out += static_cast<char>(masked | payload.size());
    } else if (payload.size() <= 0xffff) {
        out += static_cast<char>(masked | kLength16);
        append_big_endian(out, payload.size(), 2);
    } else {
        out += static_cast<char>(masked | kLength64);
        append_big_endian(out, payload.size(), 8);
    }
    if (mask) {
        append_big_endian(out, *mask, 4);
    }
    const size_t begin = out.size();
    out += payload;
    if (mask) {
        apply_mask(out, begin, *mask);
    }
}

std::string websocket_close_payload(uint16_t code, std::string_view reason) {
    std::string payload;
    append_big_endian(payload, code, 2);
    size_t size = std::min(reason.size(), kControlBytesMax - 2);
    while (size < reason.size() && size > 0 && (static_cast<uint8_t>(reason[size]) & 0xc0) == 0x80
    ) {
        --size;  // not within a character
    }
    payload += reason.substr(0, size);
    return payload;
}

uint16_t WebSocketMessage::close_code() const {
    return payload.size() < 2 ? kNoCode
                              : static_cast<uint16_t>(read_big_endian(payload.substr(0, 2)));
}

Error WebSocketReader::broken(uint16_t code, std::string message) {
    close_code_ = code;
    failed_ = fail(ErrorCode::kInvalidArgument, "websocket: " + std::move(message));
    return *failed_;
}

Result<void> WebSocketReader::check_head(uint8_t first, uint8_t second) const {
    const uint8_t opcode = first & 0x0f;
    const auto bad = [](std::string_view what) {
        return fail(ErrorCode::kInvalidArgument, std::string(what));
    };
    if ((first & kReserved) != 0) {
        return bad("a reserved bit is set, and no extension was agreed on");
    }
    if (!is_known(opcode)) {
        return bad(fmt::format("opcode {} is unknown", opcode));
    }
    if (((second & kMasked) != 0) != (side_ == Side::kServer)) {
        return bad(
            side_ == Side::kServer ? "a client must mask its frames"
                                   : "a server must not mask its frames"
        );
    }
    const bool control = is_control(static_cast<WebSocketOpcode>(opcode));
    if (control && ((first & kLast) == 0 || (second & 0x7f) > kControlBytesMax)) {
        return bad("a control frame is fragmented or longer than 125 bytes");
    }
    return {};
}

Result<std::optional<WebSocketReader::Frame>> WebSocketReader::next_frame() {
    if (buffer_.size() < 2) {
        return std::nullopt;
    }
    const auto first = static_cast<uint8_t>(buffer_[0]);
    const auto second = static_cast<uint8_t>(buffer_[1]);
    if (const auto head = check_head(first, second); !head) {
        return broken(kWebSocketProtocolError, head.error().message);
    }
    uint64_t length = second & 0x7f;
    size_t at = 2;
    if (length >= kLength16) {
        const size_t wide = length == kLength16 ? 2 : 8;
        if (buffer_.size() < at + wide) {
            return std::nullopt;
        }
        length = read_big_endian(std::string_view(buffer_).substr(at, wide));
        at += wide;
    }
    const size_t held = partial_ ? partial_->payload.size() : 0;
    if (length > message_bytes_max_ - std::min(held, message_bytes_max_)) {
        return broken(
            kWebSocketTooBig, fmt::format("a message holds more than {} bytes", message_bytes_max_)
        );
    }
    const bool masked = (second & kMasked) != 0;
    const size_t begin = at + (masked ? 4 : 0);
    if (buffer_.size() < begin + length) {
        return std::nullopt;
    }
    Frame frame{(first & kLast) != 0, static_cast<WebSocketOpcode>(first & 0x0f), {}};
    frame.payload = buffer_.substr(begin, length);
    if (masked) {
        const auto mask =
            static_cast<uint32_t>(read_big_endian(std::string_view(buffer_).substr(at, 4)));
        apply_mask(frame.payload, 0, mask);
    }
    buffer_.erase(0, begin + length);
    return std::optional(std::move(frame));
}

Result<std::optional<WebSocketMessage>> WebSocketReader::join(Frame frame) {
    if (is_control(frame.opcode)) {
        WebSocketMessage message{frame.opcode, std::move(frame.payload)};
        if (frame.opcode == WebSocketOpcode::kClose) {
            const bool is_valid =
                message.payload.empty() ||
                (message.payload.size() >= 2 && is_sendable(message.close_code()) &&
                 is_utf8(std::string_view(message.payload).substr(2)));
            if (!is_valid) {
                return broken(
                    kWebSocketProtocolError, "a close frame has a code or reason that is none"
                );
            }
        }
        return std::optional(std::move(message));
    }
    const bool is_first = frame.opcode != WebSocketOpcode::kContinuation;
    if (is_first == partial_.has_value()) {
        return broken(
            kWebSocketProtocolError,
            is_first ? "a message begins within another" : "a continuation continues nothing"
        );
    }
    if (is_first) {
        partial_ = WebSocketMessage{frame.opcode, std::move(frame.payload)};
    } else {
        partial_->payload += frame.payload;
    }
    if (!frame.is_last) {
        return std::optional<WebSocketMessage>();
    }
    std::optional<WebSocketMessage> message = std::move(partial_);
    partial_.reset();
    if (message->opcode == WebSocketOpcode::kText && !is_utf8(message->payload)) {
        return broken(kWebSocketNotUtf8, "a text message is not UTF-8");
    }
    return message;
}

Result<std::optional<WebSocketMessage>> WebSocketReader::next() {
    while (!failed_) {
        SEYIR_TRY(auto frame, next_frame());
        if (!frame) {
            return std::optional<WebSocketMessage>();
        }
        SEYIR_TRY(auto message, join(*std::move(frame)));
        if (message) {
            return message;
        }
    }
    return *failed_;
}

}  // namespace seyir::net
