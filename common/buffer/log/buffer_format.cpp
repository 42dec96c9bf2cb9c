// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/log/buffer_format.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <xxhash.h>

#include "common/codec/bytes.hpp"
#include "common/codec/crc32c.hpp"

namespace seyir::buffer {
namespace {

using codec::append_le;

constexpr std::string_view kSegmentMagic = "SEYIRBUF";
constexpr std::string_view kCursorMagic = "SEYIRCUR";
constexpr uint32_t kFrameMagic = 0x31464253;  // "SBF1"
constexpr size_t kLaneBytes = 4 + 16 + 16 + 4 + 8 + 8;

template <class Id>
void append_id(std::string& out, const Id& id) {
    append_le(out, id.hi);
    append_le(out, id.lo);
}

template <class Id>
Id read_id(codec::Reader& r) {
    const auto high = r.le<uint64_t>();
    const auto low = r.le<uint64_t>();
    return {high, low};
}

/// Zeros up to `bytes` - 4, then the checksum of all of it.
void close_block(std::string& out, uint64_t bytes) {
    out.resize(bytes - sizeof(uint32_t), '\0');
    append_le(out, codec::crc32c(out));
}

bool block_is_good(std::string_view bytes, uint64_t size, std::string_view magic) {
    if (bytes.size() < size || !bytes.starts_with(magic)) {
        return false;
    }
    uint32_t crc = 0;
    std::memcpy(&crc, bytes.data() + size - sizeof(crc), sizeof(crc));
    return crc == codec::crc32c(bytes.substr(0, size - sizeof(crc)));
}

}  // namespace

std::string encode(const SegmentHeader& header) {
    std::string out(kSegmentMagic);
    append_le(out, header.version);
    append_le(out, static_cast<uint16_t>(kSegmentHeaderBytes));
    append_le(out, uint32_t{0});
    append_id(out, header.buffer);
    append_le(out, header.base);
    append_le(out, header.first_row);
    append_le(out, header.created.value);
    close_block(out, kSegmentHeaderBytes);
    return out;
}

std::optional<SegmentHeader> decode_segment_header(std::string_view bytes) {
    if (!block_is_good(bytes, kSegmentHeaderBytes, kSegmentMagic)) {
        return std::nullopt;
    }
    codec::Reader r(bytes.substr(kSegmentMagic.size()));
    SegmentHeader header;
    header.version = r.le<uint16_t>();
    r.bytes(6);
    header.buffer = read_id<BufferId>(r);
    header.base = r.le<uint64_t>();
    header.first_row = r.le<uint64_t>();
    header.created.value = r.le<int64_t>();
    return header;
}

void append(std::string& out, const FrameHeader& header) {
    const size_t begin = out.size();
    append_le(out, kFrameMagic);
    append_le(out, uint32_t{0});
    append_le(out, header.offset);
    append_le(out, header.first_row);
    append_le(out, header.rows);
    append_le(out, header.body_bytes);
    append_le(out, header.body_crc);
    append_le(out, static_cast<uint8_t>(header.kind));
    append_le(out, header.flags);
    out.resize(begin + kFrameHeaderBytes, '\0');
    const uint32_t crc = codec::crc32c(std::string_view(out).substr(begin + 8));
    std::memcpy(out.data() + begin + 4, &crc, sizeof(crc));
}

std::optional<FrameHeader> decode_frame_header(std::string_view bytes) {
    if (bytes.size() < kFrameHeaderBytes) {
        return std::nullopt;
    }
    codec::Reader r(bytes);
    const auto magic = r.le<uint32_t>();
    const auto crc = r.le<uint32_t>();
    if (magic != kFrameMagic || crc != codec::crc32c(bytes.substr(8, kFrameHeaderBytes - 8))) {
        return std::nullopt;
    }
    FrameHeader header;
    header.offset = r.le<uint64_t>();
    header.first_row = r.le<uint64_t>();
    header.rows = r.le<uint32_t>();
    header.body_bytes = r.le<uint32_t>();
    header.body_crc = r.le<uint32_t>();
    header.kind = static_cast<FrameKind>(r.u8());
    header.flags = r.u8();
    return header.body_bytes > kFrameBodyBytesMax ? std::nullopt : std::optional(header);
}

std::optional<size_t> find_frame(std::string_view bytes, uint64_t base, size_t from) {
    const std::string_view magic("SBF1");
    while (true) {
        const size_t at = from > bytes.size() ? std::string_view::npos : bytes.find(magic, from);
        if (at == std::string_view::npos) {
            return std::nullopt;
        }
        const auto header = decode_frame_header(bytes.substr(at));
        if (header && header->offset == base + at) {
            return at;
        }
        from = at + 1;
    }
}

void append(std::string& out, const BatchPrefix& prefix) {
    const size_t begin = out.size();
    append_le(out, static_cast<uint32_t>(prefix.tenant));
    append_le(out, uint32_t{0});
    append_le(out, prefix.appended.value);
    append_id(out, prefix.agent);
    append_id(out, prefix.push_hash);
    out.resize(begin + kBatchPrefixBytesInFrame, '\0');
}

std::optional<BatchPrefix> decode_batch_prefix(std::string_view body) {
    if (body.size() < kBatchPrefixBytesInFrame) {
        return std::nullopt;
    }
    codec::Reader r(body);
    BatchPrefix prefix;
    prefix.tenant = static_cast<TenantId>(r.le<uint32_t>());
    r.bytes(4);
    prefix.appended.value = r.le<int64_t>();
    prefix.agent = read_id<AgentId>(r);
    prefix.push_hash = read_id<PushHash>(r);
    return prefix;
}

void append(std::string& out, const LaneList& lanes) {
    append_le(out, static_cast<uint32_t>(lanes.size()));
    for (const auto& [key, lane] : lanes) {
        append_le(out, static_cast<uint32_t>(key.tenant));
        append_id(out, key.agent);
        append_id(out, key.key.source);
        append_le(out, key.key.generation);
        append_le(out, lane.committed);
        append_le(out, lane.tail_hash);
    }
}

std::optional<LaneList> decode_lanes(std::string_view body) {
    codec::Reader r(body);
    const auto count = r.le<uint32_t>();
    if (!r.ok() || count > kLanesMax || r.left() != count * kLaneBytes) {
        return std::nullopt;
    }
    LaneList lanes(count);
    for (auto& [key, lane] : lanes) {
        key.tenant = static_cast<TenantId>(r.le<uint32_t>());
        key.agent = read_id<AgentId>(r);
        key.key.source = read_id<SourceId>(r);
        key.key.generation = r.le<uint32_t>();
        lane.committed = r.le<uint64_t>();
        lane.tail_hash = r.le<uint64_t>();
    }
    return lanes;
}

std::string encode(const Cursor& cursor) {
    std::string out(kCursorMagic);
    append_le(out, kFormatVersion);
    append_le(out, uint16_t{0});
    append_le(out, cursor.generation);
    append_id(out, cursor.buffer);
    append_le(out, cursor.counter);
    append_le(out, cursor.offset);
    append_le(out, cursor.row);
    append_le(out, cursor.tail_hash);
    close_block(out, kCursorSlotBytes);
    return out;
}

std::optional<Cursor> decode_cursor(std::string_view bytes) {
    if (!block_is_good(bytes, kCursorSlotBytes, kCursorMagic)) {
        return std::nullopt;
    }
    codec::Reader r(bytes.substr(kCursorMagic.size()));
    if (r.le<uint16_t>() != kFormatVersion) {
        return std::nullopt;
    }
    r.bytes(2);
    Cursor cursor;
    cursor.generation = r.le<uint32_t>();
    cursor.buffer = read_id<BufferId>(r);
    cursor.counter = r.le<uint64_t>();
    cursor.offset = r.le<uint64_t>();
    cursor.row = r.le<uint64_t>();
    cursor.tail_hash = r.le<uint64_t>();
    return cursor;
}

std::string segment_name(uint64_t base) {
    return fmt::format("{:016x}.seg", base);
}

std::optional<uint64_t> segment_base(std::string_view name) {
    if (name.size() != 20 || !name.ends_with(".seg")) {
        return std::nullopt;
    }
    uint64_t base = 0;
    for (const char c : name.substr(0, 16)) {
        const std::string_view digits = "0123456789abcdef";
        const size_t digit = digits.find(c);
        if (digit == std::string_view::npos) {
            return std::nullopt;
        }
        base = base << 4U | digit;
    }
    return base;
}

uint64_t frame_tail_hash(std::string_view frame) {
    const size_t bytes = std::min<size_t>(frame.size(), kTailHashBytes);
    return XXH3_64bits(frame.data() + frame.size() - bytes, bytes);
}

}  // namespace seyir::buffer
