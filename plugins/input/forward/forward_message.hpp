// SPDX-License-Identifier: Apache-2.0
// One message of the forward protocol, whole: its tag, options and where its entries are; then the
// entries one by one. Nothing is copied, nothing is converted.
// Room: bytes -> ForwardMessage -> ForwardEntry.
// Threads: pure; slices point into the bytes given.
// Errors: kInvalidArgument when it is no message of the protocol (an unread message cannot be
// answered, so its connection ends); kUnsupported for metrics and traces.
// Spec: Fluentd's "Forward Protocol Specification v1", and what Fluent Bit 2 and later sends.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/result.hpp"
#include "common/codec/msgpack.hpp"
#include "plugins/forward/event_time.hpp"

namespace seyir::plugins::forward {

inline constexpr size_t kChunkIdBytesMax = 1024;

enum class Compression : uint8_t { kNone, kGzip, kZstd };

struct ForwardMessage {
    enum class Mode : uint8_t { kMessage, kForward, kPackedForward };

    Mode mode = Mode::kForward;
    std::string_view tag;
    /// kMessage: the time and the record. Otherwise entries one after another, as compressed.
    std::string_view entries;
    Compression compression = Compression::kNone;
    /// The option `chunk` as it was encoded, to be given back; "": no ack is wanted.
    std::string_view chunk;
};

Result<ForwardMessage> read_forward_message(std::string_view bytes);

struct ForwardEntry {
    EventTime time;
    bool has_time = false;      ///< false: something that is no time stood there
    std::string_view metadata;  ///< a map, encoded; "" where there is none
    std::string_view record;    ///< encoded; "" with is_bad
    bool is_bad = false;        ///< not [time, record]
};

class ForwardEntries {
  public:
    ForwardEntries(std::string_view entries, ForwardMessage::Mode mode)
        : reader_(entries), is_bare_(mode == ForwardMessage::Mode::kMessage) {}

    /// Nothing at the end, and when the rest cannot be read (then is_broken()).
    std::optional<ForwardEntry> next();

    bool is_broken() const { return reader_.failed(); }

  private:
    codec::MsgpackReader reader_;
    bool is_bare_;
};

}  // namespace seyir::plugins::forward
