// SPDX-License-Identifier: Apache-2.0
// The messages agent and collector exchange, as values, and their bytes.
// Room: sans-IO; sockets are in common/ship and collector/input.
// Threads: functions are pure.   Errors: kCorrupt naming message and offset, kTooLarge naming the
// limit. Bytes a later minor version appends to a message are skipped.
// Format: docs/format/wire.md
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/record/ack_token.hpp"
#include "common/record/batch.hpp"
#include "common/record/encoded_batch.hpp"

namespace seyir::wire {

inline constexpr uint8_t kMajor = 1;
inline constexpr uint8_t kMinor = 0;

/// Bits of `features`. The collector's input takes frames of kind metrics.
inline constexpr uint64_t kTakesMetrics = 1;

inline constexpr size_t kPrefaceBytes = 8;
inline constexpr size_t kMessageHeaderBytes = 8;
inline constexpr size_t kFrameHeaderBytes = 52;
inline constexpr size_t kHelloBytesMax = 4096;
inline constexpr size_t kPayloadBytesMax = 4 * 1024 * 1024;
inline constexpr size_t kFrameBytesMax = kFrameHeaderBytes + kPayloadBytesMax;
inline constexpr size_t kMessageBytesMax = 1024 * 1024;  ///< of every message that is not a frame
inline constexpr size_t kLanesMax = 16 * 1024;           ///< in one ask, committed or ack
inline constexpr size_t kTextBytesMax = 2048;
/// Beyond it a clock is wrong; a hello that came in time was not longer under way.
inline constexpr Nanos kClockSkewMax = std::chrono::seconds(10);

/// On the wire: never renumber. Unknown types are skipped.
enum class MessageType : uint8_t {
    kHello = 1,
    kWelcome = 2,
    kRefuse = 3,
    kAsk = 4,
    kCommitted = 5,
    kFrame = 6,
    kAck = 7,
    kThrottle = 8,
    kEvent = 9,
    kPing = 10,
    kPong = 11,
    kGoodbye = 12,
};

/// "hello", for messages to people; "unknown" for the rest.
std::string_view to_string(MessageType type);

/// Agent -> collector, first.
struct Hello {
    AgentId agent;
    uint64_t process_nonce = 0;  ///< new at each start; tells a reconnect from a second agent
    uint64_t features = 0;       ///< bits that both sides set are used
    MachineHash machine;
    std::string token;
    std::string hostname;
    std::string agent_version;
    UnixNanos sent_at;  ///< the agent's clock; 0 = not given, as by agents before 1.0

    bool operator==(const Hello&) const = default;
};

/// Collector -> agent: go on.
struct Welcome {
    StoreId store_id;
    uint32_t restore_generation = 0;
    uint32_t epoch = 0;
    uint64_t credit_bytes = 0;  ///< raw bytes of frames without an answer at any time
    uint64_t features = 0;
    uint32_t payload_bytes_max = 0;  ///< a frame's payload, before compression
    std::string server_version;
    UnixNanos sent_at;  ///< the collector's clock; 0 = not given

    bool operator==(const Welcome&) const = default;
};

enum class RefuseCode : uint16_t {
    kBadToken = 1,
    kVersion = 2,
    kInUse = 3,       ///< another live process has this agent id; `ask` is still answered
    kBusy = 4,        ///< too many connections, shutting down, store not ready: try again
    kBadMessage = 5,  ///< what was sent cannot be read or breaks a limit
    kFenced = 6,      ///< a newer connection of this agent took over
};

std::string_view to_string(RefuseCode code);

/// Collector -> agent: no; the connection closes (except after kInUse).
struct Refuse {
    RefuseCode code = RefuseCode::kBusy;
    uint32_t retry_after_ms = 0;
    std::string message;

    bool operator==(const Refuse&) const = default;
};

struct Ask {
    uint64_t request = 0;
    std::vector<SourceKey> lanes;

    bool operator==(const Ask&) const = default;
};

struct CommittedEntry {
    bool known = false;
    uint64_t committed = 0;
    uint64_t tail_hash = 0;

    bool operator==(const CommittedEntry&) const = default;
};

/// One entry for each lane of the ask, in its order.
struct Committed {
    uint64_t request = 0;
    StoreId store_id;
    uint32_t restore_generation = 0;
    std::vector<CommittedEntry> lanes;

    bool operator==(const Committed&) const = default;
};

enum class FrameKind : uint8_t {
    kLogs = 1,
    kMetrics = 2,  ///< docs/format/metrics.md; only where both sides set kTakesMetrics
    kRelay = 3,    ///< bodies of a local HTTP client, not filtered at the edge
};

struct FrameHeader {
    uint8_t version = 1;
    FrameKind kind = FrameKind::kLogs;
    PayloadCodec codec = PayloadCodec::kNone;
    uint32_t epoch = 0;
    uint64_t seq = 0;  ///< orders frames within the epoch; answers name it
    uint32_t rows = 0;
    UnixNanos min_ts;
    UnixNanos max_ts;
    uint32_t raw_bytes = 0;
    uint32_t wire_bytes = 0;
    uint64_t xxh3 = 0;

    bool operator==(const FrameHeader&) const = default;
};

struct Rejected {
    std::string reason;
    uint32_t rows = 0;

    bool operator==(const Rejected&) const = default;
};

/// Collector -> agent: what became of one frame.
struct Ack {
    uint64_t seq = 0;
    Outcome outcome = Outcome::kDelivered;
    uint32_t accepted = 0;
    uint32_t duplicate = 0;
    std::vector<Rejected> rejected;
    std::vector<LaneVerdict> lanes;  ///< only those that are not kStored
    std::string message;
};

struct Throttle {
    uint32_t retry_after_ms = 0;  ///< send no frame before
    uint64_t credit_bytes = 0;    ///< replaces the welcome's; 0 = unchanged

    bool operator==(const Throttle&) const = default;
};

/// Agent -> collector: something the operator should see.
struct Event {
    UnixNanos ts;
    std::string kind;
    std::string detail;

    bool operator==(const Event&) const = default;
};

struct Ping {
    uint64_t id = 0;
};

struct Goodbye {
    std::string reason;
};

// Each appends one whole message (header and body). Lists longer than kLanesMax are the caller's
// bug; texts are cut to kTextBytesMax.
void append_preface(std::string& out);
void append_message(std::string& out, const Hello& hello);
void append_message(std::string& out, const Welcome& welcome);
void append_message(std::string& out, const Refuse& refuse);
void append_message(std::string& out, const Ask& ask);
void append_message(std::string& out, const Committed& committed);
void append_message(std::string& out, const Ack& ack);
void append_message(std::string& out, const Throttle& throttle);
void append_message(std::string& out, const Event& event);
void append_message(std::string& out, const Goodbye& goodbye);
void append_ping(std::string& out, uint64_t id);
void append_pong(std::string& out, uint64_t id);
/// Message and frame header; the payload's bytes follow as they are.
void append_frame_header(std::string& out, const FrameHeader& header);

// Each reads the body that message_splitter found.
Result<Hello> decode_hello(std::string_view body);
Result<Welcome> decode_welcome(std::string_view body);
Result<Refuse> decode_refuse(std::string_view body);
Result<Ask> decode_ask(std::string_view body);
Result<Committed> decode_committed(std::string_view body);
Result<Ack> decode_ack(std::string_view body);
Result<Throttle> decode_throttle(std::string_view body);
Result<Event> decode_event(std::string_view body);
Result<uint64_t> decode_ping(std::string_view body);
Result<Goodbye> decode_goodbye(std::string_view body);

struct Frame {
    FrameHeader header;
    std::string_view payload;  ///< into the body
};

/// Checks sizes and limits; the payload's hash is checked by the batch decoder.
Result<Frame> decode_frame(std::string_view body);

/// How far `theirs` is ahead of `ours`, at most a century either way.
Nanos clock_skew(UnixNanos theirs, UnixNanos ours);

/// Takes as long for a wrong secret as for the right one.
bool equal_in_constant_time(std::string_view secret, std::string_view given);

}  // namespace seyir::wire
