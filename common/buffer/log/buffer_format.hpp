// SPDX-License-Identifier: Apache-2.0
// The bytes of a disk buffer: segment header, frames, lane snapshot, cursor slot. Sans-IO.
// Room: structs <-> bytes.   Threads: pure functions.
// Errors: nothing when bytes are not what they should be; lengths are bounded before memory is
// taken.   Format: docs/format/buffer.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.hpp"
#include "common/record/batch.hpp"

namespace seyir::buffer {

/// One life of a buffer's folder; random.
using BufferId = Id128<struct BufferIdTag>;

inline constexpr uint16_t kFormatVersion = 1;
inline constexpr uint64_t kSegmentHeaderBytes = 64;
inline constexpr uint64_t kFrameHeaderBytes = 48;
inline constexpr uint64_t kBatchPrefixBytesInFrame = 64;
inline constexpr uint32_t kFrameBodyBytesMax = 8 * 1024 * 1024;
inline constexpr uint64_t kCursorSlotBytes = 80;
inline constexpr uint64_t kCursorSlotStride = 4096;  ///< each slot in a sector of its own
inline constexpr size_t kLanesMax = 65'536;

struct SegmentHeader {
    uint16_t version = kFormatVersion;
    BufferId buffer;
    uint64_t base = 0;       ///< log offset of the first frame
    uint64_t first_row = 0;  ///< rows of the log before this segment
    UnixNanos created;
};

std::string encode(const SegmentHeader& header);
/// `version` may be one we do not know; everything else is then unchecked but the checksum.
std::optional<SegmentHeader> decode_segment_header(std::string_view bytes);

enum class FrameKind : uint8_t {
    kBatch = 1,
    kLanes = 2,  ///< snapshot of the lane book; the first frame of each segment
};

struct FrameHeader {
    FrameKind kind = FrameKind::kBatch;
    uint8_t flags = 0;
    uint32_t rows = 0;
    uint32_t body_bytes = 0;
    uint32_t body_crc = 0;
    uint64_t offset = 0;     ///< of the frame in the log
    uint64_t first_row = 0;  ///< rows of the log before it

    uint64_t end() const { return offset + kFrameHeaderBytes + body_bytes; }
};

/// The rows of one batch were cut into several frames, and this is not the last: positions count
/// with the last one only.
inline constexpr uint8_t kPositionsDoNotCount = 1;

void append(std::string& out, const FrameHeader& header);
std::optional<FrameHeader> decode_frame_header(std::string_view bytes);

/// Where in `bytes` the first frame begins whose header is good and says it is at
/// base + that place, from `from` on.
std::optional<size_t> find_frame(std::string_view bytes, uint64_t base, size_t from);

/// What stands before the payload in the body of a batch frame.
struct BatchPrefix {
    TenantId tenant = TenantId::kDefault;
    UnixNanos appended;  ///< when the buffer took it
    AgentId agent;
    PushHash push_hash;
};

void append(std::string& out, const BatchPrefix& prefix);
std::optional<BatchPrefix> decode_batch_prefix(std::string_view body);

/// What a buffer remembers of one incarnation of a source: re-sent batches are not kept twice.
struct LaneKey {
    TenantId tenant = TenantId::kDefault;
    AgentId agent;
    SourceKey key;

    auto operator<=>(const LaneKey&) const = default;
};

struct Lane {
    uint64_t committed = 0;
    uint64_t tail_hash = 0;
};

using LaneList = std::vector<std::pair<LaneKey, Lane>>;

void append(std::string& out, const LaneList& lanes);
std::optional<LaneList> decode_lanes(std::string_view body);

/// How far the output is.
struct Cursor {
    BufferId buffer;
    uint64_t counter = 0;  ///< the greater of two good slots counts
    uint64_t offset = 0;   ///< everything before it is settled
    uint64_t row = 0;
    uint64_t tail_hash = 0;   ///< of the frame before `offset`
    uint32_t generation = 0;  ///< of the positions given to a collector; grows when the log forked
};

std::string encode(const Cursor& cursor);
std::optional<Cursor> decode_cursor(std::string_view bytes);

/// "0000000000a0c000.seg" -> its base.
std::string segment_name(uint64_t base);
std::optional<uint64_t> segment_base(std::string_view name);

/// Of the at most 256 last bytes of a frame.
uint64_t frame_tail_hash(std::string_view frame);

}  // namespace seyir::buffer
