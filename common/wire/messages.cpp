// SPDX-License-Identifier: Apache-2.0
// Format: docs/format/wire.md; fields in the order given there.
#include "common/wire/messages.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/assert.hpp"
#include "common/codec/bytes.hpp"

namespace seyir::wire {
namespace {

using codec::append_le;
using codec::append_varint;
using codec::Reader;

constexpr char kMagic[4] = {'S', 'E', 'Y', 'W'};

/// Writes the header, lets `write` append the body, then fills in its length.
template <class Write>
void append(std::string& out, MessageType type, Write&& write) {
    const size_t start = out.size();
    out += static_cast<char>(type);
    out.append(3, '\0');
    append_le(out, uint32_t{0});
    write(out);
    const auto bytes = static_cast<uint32_t>(out.size() - start - kMessageHeaderBytes);
    std::memcpy(out.data() + start + 4, &bytes, 4);
}

void append_text(std::string& out, std::string_view text) {
    codec::append_text(out, text.substr(0, kTextBytesMax));
}

template <class Tag>
void append_id(std::string& out, const Id128<Tag>& id) {
    append_le(out, id.hi);
    append_le(out, id.lo);
}

template <class Tag>
void read_id(Reader& reader, Id128<Tag>& id) {
    id.hi = reader.le<uint64_t>();
    id.lo = reader.le<uint64_t>();
}

void append_key(std::string& out, const SourceKey& key) {
    append_id(out, key.source);
    append_le(out, key.generation);
}

SourceKey read_key(Reader& reader) {
    SourceKey key;
    read_id(reader, key.source);
    key.generation = reader.le<uint32_t>();
    return key;
}

std::string read_text(Reader& reader) {
    return std::string(reader.text(kTextBytesMax));
}

/// Behind the last field of peers that do not tell theirs; 0 is never written.
void append_time(std::string& out, UnixNanos time) {
    if (time.value != 0) {
        append_le(out, static_cast<uint64_t>(time.value));
    }
}

UnixNanos read_time(Reader& reader) {
    const bool is_given = reader.ok() && reader.left() >= sizeof(uint64_t);
    return {is_given ? static_cast<int64_t>(reader.le<uint64_t>()) : 0};
}

/// The message was read whole; bytes behind belong to a later minor version.
template <class T>
Result<T> finish(const Reader& reader, MessageType type, T&& message) {
    if (!reader.ok()) {
        return fail(
            ErrorCode::kCorrupt,
            fmt::format("{} message: byte {} cut or out of range", to_string(type), reader.offset())
        );
    }
    return std::forward<T>(message);
}

uint8_t wire_outcome(Outcome outcome) {
    return static_cast<uint8_t>(outcome);
}

static_assert(
    static_cast<int>(Outcome::kDelivered) == 0 && static_cast<int>(Outcome::kDropped) == 1 &&
        static_cast<int>(Outcome::kRejected) == 2 && static_cast<int>(Outcome::kRetry) == 3 &&
        static_cast<int>(Outcome::kRewind) == 4,
    "the ack message carries these numbers"
);

}  // namespace

std::string_view to_string(MessageType type) {
    switch (type) {
        case MessageType::kHello:
            return "hello";
        case MessageType::kWelcome:
            return "welcome";
        case MessageType::kRefuse:
            return "refuse";
        case MessageType::kAsk:
            return "ask";
        case MessageType::kCommitted:
            return "committed";
        case MessageType::kFrame:
            return "frame";
        case MessageType::kAck:
            return "ack";
        case MessageType::kThrottle:
            return "throttle";
        case MessageType::kEvent:
            return "event";
        case MessageType::kPing:
            return "ping";
        case MessageType::kPong:
            return "pong";
        case MessageType::kGoodbye:
            return "goodbye";
    }
    return "unknown";
}

std::string_view to_string(RefuseCode code) {
    switch (code) {
        case RefuseCode::kBadToken:
            return "bad_token";
        case RefuseCode::kVersion:
            return "version";
        case RefuseCode::kInUse:
            return "in_use";
        case RefuseCode::kBusy:
            return "busy";
        case RefuseCode::kBadMessage:
            return "bad_message";
        case RefuseCode::kFenced:
            return "fenced";
    }
    return "unknown";
}

void append_preface(std::string& out) {
    out.append(kMagic, sizeof(kMagic));
    out += static_cast<char>(kMajor);
    out += static_cast<char>(kMinor);
    out.append(2, '\0');
}

void append_message(std::string& out, const Hello& hello) {
    append(out, MessageType::kHello, [&](std::string& body) {
        append_id(body, hello.agent);
        append_le(body, hello.process_nonce);
        append_le(body, hello.features);
        append_id(body, hello.machine);
        append_text(body, hello.token);
        append_text(body, hello.hostname);
        append_text(body, hello.agent_version);
        append_time(body, hello.sent_at);
    });
}

Result<Hello> decode_hello(std::string_view body) {
    Reader reader(body);
    Hello out;
    read_id(reader, out.agent);
    out.process_nonce = reader.le<uint64_t>();
    out.features = reader.le<uint64_t>();
    read_id(reader, out.machine);
    out.token = read_text(reader);
    out.hostname = read_text(reader);
    out.agent_version = read_text(reader);
    out.sent_at = read_time(reader);
    return finish(reader, MessageType::kHello, std::move(out));
}

void append_message(std::string& out, const Welcome& welcome) {
    append(out, MessageType::kWelcome, [&](std::string& body) {
        append_id(body, welcome.store_id);
        append_le(body, welcome.restore_generation);
        append_le(body, welcome.epoch);
        append_le(body, welcome.credit_bytes);
        append_le(body, welcome.features);
        append_le(body, welcome.payload_bytes_max);
        append_text(body, welcome.server_version);
        append_time(body, welcome.sent_at);
    });
}

Result<Welcome> decode_welcome(std::string_view body) {
    Reader reader(body);
    Welcome out;
    read_id(reader, out.store_id);
    out.restore_generation = reader.le<uint32_t>();
    out.epoch = reader.le<uint32_t>();
    out.credit_bytes = reader.le<uint64_t>();
    out.features = reader.le<uint64_t>();
    out.payload_bytes_max = reader.le<uint32_t>();
    out.server_version = read_text(reader);
    out.sent_at = read_time(reader);
    return finish(reader, MessageType::kWelcome, std::move(out));
}

void append_message(std::string& out, const Refuse& refuse) {
    append(out, MessageType::kRefuse, [&](std::string& body) {
        append_le(body, static_cast<uint16_t>(refuse.code));
        append_le(body, refuse.retry_after_ms);
        append_text(body, refuse.message);
    });
}

Result<Refuse> decode_refuse(std::string_view body) {
    Reader reader(body);
    Refuse out;
    out.code = static_cast<RefuseCode>(reader.le<uint16_t>());
    out.retry_after_ms = reader.le<uint32_t>();
    out.message = read_text(reader);
    return finish(reader, MessageType::kRefuse, std::move(out));
}

void append_message(std::string& out, const Ask& ask) {
    SEYIR_ASSERT(ask.lanes.size() <= kLanesMax);
    append(out, MessageType::kAsk, [&](std::string& body) {
        append_le(body, ask.request);
        append_le(body, static_cast<uint32_t>(ask.lanes.size()));
        for (const SourceKey& key : ask.lanes) {
            append_key(body, key);
        }
    });
}

Result<Ask> decode_ask(std::string_view body) {
    Reader reader(body);
    Ask out;
    out.request = reader.le<uint64_t>();
    const uint32_t count = reader.le<uint32_t>();
    if (count > kLanesMax) {
        return fail(
            ErrorCode::kTooLarge, fmt::format("ask message: {} lanes, limit {}", count, kLanesMax)
        );
    }
    for (uint32_t i = 0; i < count && reader.ok(); ++i) {
        out.lanes.push_back(read_key(reader));
    }
    return finish(reader, MessageType::kAsk, std::move(out));
}

void append_message(std::string& out, const Committed& committed) {
    SEYIR_ASSERT(committed.lanes.size() <= kLanesMax);
    append(out, MessageType::kCommitted, [&](std::string& body) {
        append_le(body, committed.request);
        append_id(body, committed.store_id);
        append_le(body, committed.restore_generation);
        append_le(body, static_cast<uint32_t>(committed.lanes.size()));
        for (const CommittedEntry& lane : committed.lanes) {
            body += lane.known ? '\1' : '\0';
            append_le(body, lane.committed);
            append_le(body, lane.tail_hash);
        }
    });
}

Result<Committed> decode_committed(std::string_view body) {
    Reader reader(body);
    Committed out;
    out.request = reader.le<uint64_t>();
    read_id(reader, out.store_id);
    out.restore_generation = reader.le<uint32_t>();
    const uint32_t count = reader.le<uint32_t>();
    if (count > kLanesMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format("committed message: {} lanes, limit {}", count, kLanesMax)
        );
    }
    for (uint32_t i = 0; i < count && reader.ok(); ++i) {
        CommittedEntry& lane = out.lanes.emplace_back();
        lane.known = reader.u8() != 0;
        lane.committed = reader.le<uint64_t>();
        lane.tail_hash = reader.le<uint64_t>();
    }
    return finish(reader, MessageType::kCommitted, std::move(out));
}

void append_frame_header(std::string& out, const FrameHeader& header) {
    const size_t start = out.size();
    append(out, MessageType::kFrame, [&](std::string& body) {
        body += static_cast<char>(header.version);
        body += static_cast<char>(header.kind);
        body += static_cast<char>(header.codec);
        body += '\0';
        append_le(body, header.epoch);
        append_le(body, header.seq);
        append_le(body, header.rows);
        append_le(body, header.min_ts.value);
        append_le(body, header.max_ts.value);
        append_le(body, header.raw_bytes);
        append_le(body, header.wire_bytes);
        append_le(body, header.xxh3);
    });
    const auto bytes = static_cast<uint32_t>(kFrameHeaderBytes + header.wire_bytes);
    std::memcpy(out.data() + start + 4, &bytes, 4);
}

Result<Frame> decode_frame(std::string_view body) {
    Reader reader(body);
    Frame out;
    FrameHeader& header = out.header;
    header.version = reader.u8();
    const uint8_t kind = reader.u8();
    const uint8_t codec = reader.u8();
    reader.u8();
    header.epoch = reader.le<uint32_t>();
    header.seq = reader.le<uint64_t>();
    header.rows = reader.le<uint32_t>();
    header.min_ts.value = reader.le<int64_t>();
    header.max_ts.value = reader.le<int64_t>();
    header.raw_bytes = reader.le<uint32_t>();
    header.wire_bytes = reader.le<uint32_t>();
    header.xxh3 = reader.le<uint64_t>();
    if (!reader.ok() || header.version != 1) {
        return fail(
            reader.ok() ? ErrorCode::kUnsupported : ErrorCode::kCorrupt,
            fmt::format("frame header: {} bytes, version {}", body.size(), header.version)
        );
    }
    if (kind < 1 || kind > 3 || codec > static_cast<uint8_t>(PayloadCodec::kZstd)) {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format("frame {}: kind {}, codec {}", header.seq, kind, codec)
        );
    }
    header.kind = static_cast<FrameKind>(kind);
    header.codec = static_cast<PayloadCodec>(codec);
    if (header.raw_bytes > kPayloadBytesMax || header.wire_bytes > kPayloadBytesMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format(
                "frame {}: {} bytes raw, {} on the wire, limit {}",
                header.seq,
                header.raw_bytes,
                header.wire_bytes,
                kPayloadBytesMax
            )
        );
    }
    if (header.wire_bytes != reader.left()) {
        return fail(
            ErrorCode::kCorrupt,
            fmt::format(
                "frame {}: {} payload bytes stated, {} there",
                header.seq,
                header.wire_bytes,
                reader.left()
            )
        );
    }
    out.payload = reader.bytes(header.wire_bytes);
    return out;
}

void append_message(std::string& out, const Ack& ack) {
    SEYIR_ASSERT(ack.lanes.size() <= kLanesMax);
    append(out, MessageType::kAck, [&](std::string& body) {
        append_le(body, ack.seq);
        body += static_cast<char>(wire_outcome(ack.outcome));
        append_le(body, ack.accepted);
        append_le(body, ack.duplicate);
        append_varint(body, ack.rejected.size());
        for (const Rejected& rejected : ack.rejected) {
            append_text(body, rejected.reason);
            append_le(body, rejected.rows);
        }
        append_varint(body, ack.lanes.size());
        for (const LaneVerdict& lane : ack.lanes) {
            append_key(body, lane.key);
            body += static_cast<char>(lane.kind);
            append_le(body, lane.committed);
            append_le(body, lane.tail_hash);
        }
        append_text(body, ack.message);
    });
}

Result<Ack> decode_ack(std::string_view body) {
    Reader reader(body);
    Ack out;
    out.seq = reader.le<uint64_t>();
    const uint8_t outcome = reader.u8();
    // An outcome of a later minor version: keep the rows, send them again.
    out.outcome =
        outcome > wire_outcome(Outcome::kRewind) ? Outcome::kRetry : static_cast<Outcome>(outcome);
    out.accepted = reader.le<uint32_t>();
    out.duplicate = reader.le<uint32_t>();
    const uint64_t rejected = reader.varint_up_to(kLanesMax);
    for (uint64_t i = 0; i < rejected && reader.ok(); ++i) {
        Rejected& entry = out.rejected.emplace_back();
        entry.reason = read_text(reader);
        entry.rows = reader.le<uint32_t>();
    }
    const uint64_t lanes = reader.varint_up_to(kLanesMax);
    for (uint64_t i = 0; i < lanes && reader.ok(); ++i) {
        LaneVerdict& lane = out.lanes.emplace_back();
        lane.key = read_key(reader);
        const uint8_t kind = reader.u8();
        if (kind > static_cast<uint8_t>(LaneVerdict::Kind::kGap)) {
            reader.give_up();
        }
        lane.kind = static_cast<LaneVerdict::Kind>(kind);
        lane.committed = reader.le<uint64_t>();
        lane.tail_hash = reader.le<uint64_t>();
    }
    out.message = read_text(reader);
    return finish(reader, MessageType::kAck, std::move(out));
}

void append_message(std::string& out, const Throttle& throttle) {
    append(out, MessageType::kThrottle, [&](std::string& body) {
        append_le(body, throttle.retry_after_ms);
        append_le(body, throttle.credit_bytes);
    });
}

Result<Throttle> decode_throttle(std::string_view body) {
    Reader reader(body);
    Throttle out;
    out.retry_after_ms = reader.le<uint32_t>();
    out.credit_bytes = reader.le<uint64_t>();
    return finish(reader, MessageType::kThrottle, std::move(out));
}

void append_message(std::string& out, const Event& event) {
    append(out, MessageType::kEvent, [&](std::string& body) {
        append_le(body, event.ts.value);
        append_text(body, event.kind);
        append_text(body, event.detail);
    });
}

Result<Event> decode_event(std::string_view body) {
    Reader reader(body);
    Event out;
    out.ts.value = reader.le<int64_t>();
    out.kind = read_text(reader);
    out.detail = read_text(reader);
    return finish(reader, MessageType::kEvent, std::move(out));
}

void append_ping(std::string& out, uint64_t id) {
    append(out, MessageType::kPing, [&](std::string& body) { append_le(body, id); });
}

void append_pong(std::string& out, uint64_t id) {
    append(out, MessageType::kPong, [&](std::string& body) { append_le(body, id); });
}

Result<uint64_t> decode_ping(std::string_view body) {
    Reader reader(body);
    const uint64_t id = reader.le<uint64_t>();
    return finish(reader, MessageType::kPing, uint64_t{id});
}

void append_message(std::string& out, const Goodbye& goodbye) {
    append(out, MessageType::kGoodbye, [&](std::string& body) {
        append_text(body, goodbye.reason);
    });
}

Result<Goodbye> decode_goodbye(std::string_view body) {
    Reader reader(body);
    Goodbye out{read_text(reader)};
    return finish(reader, MessageType::kGoodbye, std::move(out));
}

Nanos clock_skew(UnixNanos theirs, UnixNanos ours) {
    constexpr int64_t kCentury = int64_t{36'525} * 86'400 * 1'000'000'000;
    int64_t skew = 0;
    if (__builtin_sub_overflow(theirs.value, ours.value, &skew)) {
        skew = theirs < ours ? -kCentury : kCentury;
    }
    return Nanos(std::clamp(skew, -kCentury, kCentury));
}

bool equal_in_constant_time(std::string_view secret, std::string_view given) {
    // Walks the given text whole whatever it holds: time tells its length, which the peer knows.
    volatile uint8_t difference = secret.size() == given.size() ? 0 : 1;
    for (size_t i = 0; i < given.size(); ++i) {
        const char other = secret.empty() ? '\0' : secret[i % secret.size()];
        difference = static_cast<uint8_t>(difference | static_cast<uint8_t>(given[i] ^ other));
    }
    return difference == 0;
}

}  // namespace seyir::wire
