// SPDX-License-Identifier: Apache-2.0
#include "common/wire/message_splitter.hpp"

#include <cstring>

#include <fmt/format.h>

#include "common/base/assert.hpp"
#include "common/base/text.hpp"

namespace seyir::wire {
namespace {

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
    }
    if (buffer_.size() - end_ < bytes) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        if (buffer_.size() - end_ < bytes) {
            buffer_.resize(end_ + bytes);
        }
    }
    return std::span(buffer_).subspan(end_);
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
    return std::optional(out);
}

}  // namespace seyir::wire
