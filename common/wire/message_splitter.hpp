// SPDX-License-Identifier: Apache-2.0
// MessageSplitter: cuts what arrives on a connection into messages. Holds the peer to small
// messages until it is trusted.
// Threads: one owner at a time.
// Errors: kUnsupported for a peer of another protocol or version, kTooLarge for a message beyond
// its limit; the connection is then useless: close it. Limits: before trust() kHelloBytesMax a
// message; then kFrameBytesMax for frames, kMessageBytesMax for the rest. Memory: one message plus
// what was read with it. Format: docs/format/wire.md
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/wire/messages.hpp"

namespace seyir::wire {

struct RawMessage {
    MessageType type = MessageType::kHello;  ///< may be a number this version does not know
    std::string_view body;                   ///< valid until the next call of prepare()
};

class MessageSplitter {
  public:
    /// Room to read into: at least `bytes`, and what is missing of the message that has begun.
    /// Call it after next() found no whole message.
    std::span<char> prepare(size_t bytes);
    /// So many bytes of it were filled.
    void commit(size_t bytes);

    /// The next whole message; nothing = more bytes are needed. The preface is checked first.
    Result<std::optional<RawMessage>> next();

    /// The peer has shown its credential.
    void trust() { trusted_ = true; }

    /// Of the peer's preface; 0.0 before it came.
    uint8_t peer_major() const { return major_; }

    uint8_t peer_minor() const { return minor_; }

    /// Bytes of a message that has begun but not ended.
    size_t pending_bytes() const { return end_ - begin_; }

    /// Bytes consumed since the connection began; where the next message starts.
    uint64_t offset() const { return offset_; }

  private:
    Result<bool> read_preface();
    size_t missing_bytes() const;

    std::string buffer_;
    size_t begin_ = 0;
    size_t end_ = 0;
    uint64_t offset_ = 0;
    size_t last_bytes_ = 0;  ///< body of the message given out last
    bool preface_seen_ = false;
    bool trusted_ = false;
    uint8_t major_ = 0;
    uint8_t minor_ = 0;
};

}  // namespace seyir::wire
