// SPDX-License-Identifier: Apache-2.0
// SourcePosition: which stretch of a source a batch covers. The sequence number of the product:
// the collector commits `end` with the rows, so a batch cut differently after a crash stays safe.
// Spec: docs/format/wire.md.   Why: docs/adr/0004-positions-not-batch-numbers.md
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "common/record/ids.hpp"

namespace seyir {

/// One incarnation of a source: the generation grows when a file is truncated or rewritten in
/// place. With tenant and agent this is the lane, the unit of exactly-once.
struct SourceKey {
    SourceId source;
    uint32_t generation = 0;

    auto operator<=>(const SourceKey&) const = default;
};

struct SourcePosition {
    SourceKey key;
    uint64_t begin = 0;  ///< bytes; first byte covered
    uint64_t end = 0;    ///< bytes; one past the last byte covered (terminators count)
    /// XXH3-64 of the at most 256 bytes before `end`; tells a fork from a continuation.
    uint64_t tail_hash = 0;
    /// Opaque place for sources without byte offsets (journald); empty for files.
    std::string cursor;
    /// The source starts this lane here on purpose (new store, or older bytes are gone): the store
    /// accepts `begin` beyond what it has, and counts the skipped bytes. Without it a lane begins
    /// at 0 and has no gaps.
    bool lane_start = false;

    bool operator==(const SourcePosition&) const = default;
};

inline constexpr uint64_t kTailHashBytes = 256;

}  // namespace seyir

template <>
struct std::hash<seyir::SourceKey> {
    size_t operator()(const seyir::SourceKey& key) const noexcept {
        return std::hash<seyir::SourceId>{}(key.source) ^ (key.generation * 0x85ebca6bU);
    }
};
