// SPDX-License-Identifier: Apache-2.0
// Checkpoint: how far each source of this agent was acknowledged, and what identifies its file.
// Plain data and its bytes. The collector's positions win over it; it decides what they do not.
// Threads: plain values.   Limits: 256 inputs, 200,000 lanes, 256 MiB.
// Errors: kCorrupt for bytes that fail their checksum or format, kUnsupported for a newer version.
// Format: docs/format/checkpoint.md.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/record/ids.hpp"
#include "common/record/position.hpp"

namespace seyir::agent::checkpoint {

inline constexpr uint16_t kVersion = 1;
inline constexpr size_t kInputsMax = 256;
inline constexpr size_t kLanesMax = 200'000;
inline constexpr size_t kPathBytesMax = 4096;
inline constexpr uint64_t kFileBytesMax = 256ULL << 20;

/// One lane: a source incarnation and the file its bytes are in.
struct LaneCheckpoint {
    SourceKey key;
    std::string path;  ///< where the file was last seen; empty: its bytes are gone
    uint64_t device = 0;
    uint64_t inode = 0;
    UnixNanos birth;
    uint64_t start = 0;         ///< where the lane began (bytes before it were skipped on purpose)
    uint64_t acked_end = 0;     ///< every byte before it is acknowledged
    uint64_t tail_hash = 0;     ///< XXH3-64 of the at most 256 bytes before acked_end
    uint32_t prefix_bytes = 0;  ///< how many first bytes prefix_hash covers
    uint64_t prefix_hash = 0;
    bool has_consumed = false;  ///< consumed_state is the running hash at acked_end
    std::array<uint64_t, 11> consumed_state{};
    bool complete = false;  ///< a copy shorter than acked_end: nothing in it is new
    StoreId store_id;       ///< the store acked_end was agreed with; zero: none
    UnixNanos last_ts;      ///< of the last line given out: times stay rising after a restart
    UnixNanos seen;         ///< when the file was last there

    bool operator==(const LaneCheckpoint&) const = default;
};

/// The lanes of one input and the store it last talked to.
struct InputCheckpoint {
    std::string input;
    StoreId store_id;
    uint32_t restore_generation = 0;
    std::vector<LaneCheckpoint> lanes;

    bool operator==(const InputCheckpoint&) const = default;
};

struct Checkpoint {
    uint64_t sequence = 0;  ///< rises with every write; the greater of two slots counts
    UnixNanos written;
    std::vector<InputCheckpoint> inputs;

    bool operator==(const Checkpoint&) const = default;
};

std::string encode(const Checkpoint& checkpoint);
Result<Checkpoint> decode(std::string_view bytes);

}  // namespace seyir::agent::checkpoint
