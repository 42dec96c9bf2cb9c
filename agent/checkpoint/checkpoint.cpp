// SPDX-License-Identifier: Apache-2.0
#include "agent/checkpoint/checkpoint.hpp"

#include <fmt/format.h>

#include "common/codec/bytes.hpp"
#include "common/codec/crc32c.hpp"

namespace seyir::agent::checkpoint {
namespace {

constexpr std::string_view kMagic = "SEYCKPT\n";
constexpr size_t kHeaderBytes = 8 + 2 + 2 + 8 + 8 + 8;  // magic version flags sequence time length
constexpr size_t kCrcBytes = 4;
constexpr uint8_t kHasConsumed = 1;
constexpr uint8_t kComplete = 2;
constexpr size_t kInputNameBytesMax = 256;

template <class Id>
void append_id(std::string& out, const Id& id) {
    codec::append_le(out, id.hi);
    codec::append_le(out, id.lo);
}

template <class Id>
Id read_id(codec::Reader& in) {
    Id id;
    id.hi = in.le<uint64_t>();
    id.lo = in.le<uint64_t>();
    return id;
}

void append_lane(std::string& out, const LaneCheckpoint& lane) {
    append_id(out, lane.key.source);
    codec::append_varint(out, lane.key.generation);
    codec::append_text(out, lane.path);
    codec::append_varint(out, lane.device);
    codec::append_varint(out, lane.inode);
    codec::append_le(out, lane.birth.value);
    codec::append_varint(out, lane.start);
    codec::append_varint(out, lane.acked_end);
    codec::append_le(out, lane.tail_hash);
    codec::append_varint(out, lane.prefix_bytes);
    codec::append_le(out, lane.prefix_hash);
    append_id(out, lane.store_id);
    codec::append_le(out, lane.last_ts.value);
    codec::append_le(out, lane.seen.value);
    const int flags = (lane.has_consumed ? kHasConsumed : 0) | (lane.complete ? kComplete : 0);
    codec::append_le(out, static_cast<uint8_t>(flags));
    if (lane.has_consumed) {
        for (const uint64_t word : lane.consumed_state) {
            codec::append_le(out, word);
        }
    }
}

LaneCheckpoint read_lane(codec::Reader& in) {
    LaneCheckpoint lane;
    lane.key.source = read_id<SourceId>(in);
    lane.key.generation = static_cast<uint32_t>(in.varint_up_to(UINT32_MAX));
    lane.path = in.text(kPathBytesMax);
    lane.device = in.varint();
    lane.inode = in.varint();
    lane.birth.value = in.le<int64_t>();
    lane.start = in.varint();
    lane.acked_end = in.varint();
    lane.tail_hash = in.le<uint64_t>();
    lane.prefix_bytes = static_cast<uint32_t>(in.varint_up_to(UINT32_MAX));
    lane.prefix_hash = in.le<uint64_t>();
    lane.store_id = read_id<StoreId>(in);
    lane.last_ts.value = in.le<int64_t>();
    lane.seen.value = in.le<int64_t>();
    const uint8_t flags = in.u8();
    if (flags > (kHasConsumed | kComplete)) {
        in.give_up();
    }
    lane.has_consumed = (flags & kHasConsumed) != 0;
    lane.complete = (flags & kComplete) != 0;
    if (lane.has_consumed) {
        for (uint64_t& word : lane.consumed_state) {
            word = in.le<uint64_t>();
        }
    }
    return lane;
}

Result<void> read_inputs(codec::Reader& in, Checkpoint& checkpoint) {
    const uint64_t inputs = in.varint_up_to(kInputsMax);
    size_t lanes_left = kLanesMax;
    for (uint64_t i = 0; i < inputs && in.ok(); ++i) {
        InputCheckpoint input;
        input.input = in.text(kInputNameBytesMax);
        input.store_id = read_id<StoreId>(in);
        input.restore_generation = in.le<uint32_t>();
        const uint64_t lanes = in.varint_up_to(lanes_left);
        for (uint64_t lane = 0; lane < lanes && in.ok(); ++lane) {
            input.lanes.push_back(read_lane(in));
        }
        lanes_left -= lanes;
        checkpoint.inputs.push_back(std::move(input));
    }
    if (!in.ok() || in.left() != 0) {
        return fail(
            ErrorCode::kCorrupt, fmt::format("bad field at byte {}", kHeaderBytes + in.offset())
        );
    }
    return {};
}

}  // namespace

std::string encode(const Checkpoint& checkpoint) {
    std::string payload;
    codec::append_varint(payload, checkpoint.inputs.size());
    for (const InputCheckpoint& input : checkpoint.inputs) {
        codec::append_text(payload, input.input);
        append_id(payload, input.store_id);
        codec::append_le(payload, input.restore_generation);
        codec::append_varint(payload, input.lanes.size());
        for (const LaneCheckpoint& lane : input.lanes) {
            append_lane(payload, lane);
        }
    }
    std::string out(kMagic);
    codec::append_le(out, kVersion);
    codec::append_le(out, uint16_t{0});
    codec::append_le(out, checkpoint.sequence);
    codec::append_le(out, checkpoint.written.value);
    codec::append_le(out, static_cast<uint64_t>(payload.size()));
    out += payload;
    codec::append_le(out, codec::crc32c(out));
    return out;
}

Result<Checkpoint> decode(std::string_view bytes) {
    codec::Reader header(bytes);
    const std::string_view magic = header.bytes(kMagic.size());
    const auto version = header.le<uint16_t>();
    header.le<uint16_t>();
    Checkpoint checkpoint;
    checkpoint.sequence = header.le<uint64_t>();
    checkpoint.written.value = header.le<int64_t>();
    const auto payload_bytes = header.le<uint64_t>();
    if (!header.ok() || magic != kMagic) {
        return fail(ErrorCode::kCorrupt, "not a checkpoint (bad magic or too short)");
    }
    if (version != kVersion) {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format("checkpoint version {}; this program reads {}", version, kVersion)
        );
    }
    // Bytes beyond the checksum may be left from a longer write before: they do not count.
    if (payload_bytes > kFileBytesMax || header.left() < payload_bytes + kCrcBytes) {
        return fail(ErrorCode::kCorrupt, "checkpoint is cut short");
    }
    const std::string_view covered = bytes.substr(0, kHeaderBytes + payload_bytes);
    codec::Reader crc(bytes.substr(covered.size(), kCrcBytes));
    if (crc.le<uint32_t>() != codec::crc32c(covered)) {
        return fail(ErrorCode::kCorrupt, "checkpoint fails its checksum");
    }
    codec::Reader payload(covered.substr(kHeaderBytes));
    SEYIR_CHECK(read_inputs(payload, checkpoint));
    return checkpoint;
}

}  // namespace seyir::agent::checkpoint
