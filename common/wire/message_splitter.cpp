// SPDX-License-Identifier: Apache-2.0
#include "common/wire/message_splitter.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "common/base/assert.hpp"
#include "common/base/text.hpp"

namespace seyir::wire {
namespace {

constexpr size_t kKeepBytesMax = 128 * 1024;
/// A message this small (a ping) after large ones: the stream has gone quiet.
constexpr size_t kQuietBytesMax = 16 * 1024;

size_t bytes_max_of(MessageType type, bool trusted) {
    if (!trusted) {
        return kHelloBytesMax;
    }
    return type == MessageType::kFrame ? kFrameBytesMax : kMessageBytesMax;
}

}  // namespace

std::span<char> MessageSplitter::prepare(size_t bytes) {
    if (begin_ == end_) {
        begin_ = end_ = 0;
        if (buffer_.size() > kKeepBytesMax && last_bytes_ <= kQuietBytesMax) {
            std::string().swap(buffer_);  // thousands of quiet connections keep no large buffer
        }
    }
    const size_t needed = std::max(bytes, missing_bytes());
    if (buffer_.size() - end_ < needed) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        if (buffer_.size() - end_ < needed) {
            // Not zeroed: it is written before it is read.
            buffer_.resize_and_overwrite(end_ + needed, [](char*, size_t size) { return size; });
        }
    }
    return std::span(buffer_).subspan(end_);
}

size_t MessageSplitter::missing_bytes() const {
    if (!preface_seen_ || end_ - begin_ < kMessageHeaderBytes) {
        return 0;
    }
    uint32_t body_bytes = 0;  // next() has held it against its limit
    std::memcpy(&body_bytes, buffer_.data() + begin_ + 4, 4);
    const size_t message_bytes = kMessageHeaderBytes + std::min<size_t>(body_bytes, kFrameBytesMax);
    return message_bytes - std::min(message_bytes, end_ - begin_);
}

void MessageSplitter::commit(size_t bytes) {
    SEYIR_ASSERT(bytes <= buffer_.size() - end_);
    end_ += bytes;
}

Result<bool> MessageSplitter::read_preface() {
    std::string expected;
    append_preface(expected);
    const std::string_view got(buffer_.data() + begin_, end_ - begin_);
    const size_t compared = std::min<size_t>(got.size(), 4);
    if (got.substr(0, compared) != std::string_view(expected).substr(0, compared)) {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format(
                "not the agent protocol: the first bytes are {}, \"SEYW\" expected",
                json_quote(got.substr(0, 4))
            )
        );
    }
    if (got.size() < kPrefaceBytes) {
        return false;
    }
    major_ = static_cast<uint8_t>(got[4]);
    minor_ = static_cast<uint8_t>(got[5]);
    if (major_ != kMajor) {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format(
                "the peer speaks version {}.{} of the agent protocol, this program {}.{}: upgrade "
                "the older one",
                major_,
                minor_,
                kMajor,
                kMinor
            )
        );
    }
    begin_ += kPrefaceBytes;
    offset_ += kPrefaceBytes;
    preface_seen_ = true;
    return true;
}

Result<std::optional<RawMessage>> MessageSplitter::next() {
    if (!preface_seen_) {
        SEYIR_TRY(const bool complete, read_preface());
        if (!complete) {
            return std::optional<RawMessage>();
        }
    }
    if (end_ - begin_ < kMessageHeaderBytes) {
        return std::optional<RawMessage>();
    }
    const char* header = buffer_.data() + begin_;
    const auto type = static_cast<MessageType>(static_cast<uint8_t>(header[0]));
    uint32_t bytes = 0;
    std::memcpy(&bytes, header + 4, 4);
    const size_t bytes_max = bytes_max_of(type, trusted_);
    if (bytes > bytes_max) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format(
                "{} message of {} bytes at byte {} of the connection, limit {}",
                to_string(type),
                bytes,
                offset_,
                bytes_max
            )
        );
    }
    if (end_ - begin_ - kMessageHeaderBytes < bytes) {
        return std::optional<RawMessage>();
    }
    const RawMessage out{type, std::string_view(header + kMessageHeaderBytes, bytes)};
    begin_ += kMessageHeaderBytes + bytes;
    offset_ += kMessageHeaderBytes + bytes;
    last_bytes_ = bytes;
    return std::optional(out);
}

}  // namespace seyir::wire
