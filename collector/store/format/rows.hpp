// SPDX-License-Identifier: Apache-2.0
// Values of the lane, stage and strm families.
// Threads: pure functions.   Errors: kCorrupt for bytes that do not parse, kUnsupported for a newer
// version of a row.   Format: docs/format/store-keys.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/format/keys.hpp"
#include "common/base/result.hpp"
#include "common/record/batch.hpp"

namespace seyir::store {

inline constexpr uint8_t kRowVersion = 1;

/// How far one lane is stored.
struct LaneState {
    uint64_t committed = 0;  ///< bytes
    uint64_t tail_hash = 0;
    uint64_t skipped_bytes = 0;  ///< passed over by lane_start
    UnixNanos committed_at;      ///< wall clock of the last commit
    std::string cursor;

    bool operator==(const LaneState&) const = default;
};

std::string encode(const LaneState& state);
Result<LaneState> decode_lane(std::string_view bytes);

/// What is known of a staged batch without its payload.
struct StageEntry {
    CommitNumber number = 0;  ///< from the key
    TenantId tenant = TenantId::kDefault;
    uint32_t rows = 0;
    uint64_t raw_bytes = 0;
    uint32_t payload_bytes = 0;
    uint64_t xxh3 = 0;  ///< of the payload
    UnixNanos min_ts;
    UnixNanos max_ts;
    std::vector<StreamId> streams;  ///< ascending

    bool operator==(const StageEntry&) const = default;
};

std::string encode(const StageEntry& entry);
Result<StageEntry> decode_stage_entry(CommitNumber number, std::string_view bytes);

std::string encode_labels(const StreamLabels& labels);
Result<StreamLabelsPtr> decode_labels(std::string_view bytes);

/// Ascending numbers as differences; shared by stage and catalogue rows.
void append_streams(std::string& out, const std::vector<StreamId>& streams);

/// Fixed-width numbers of the meta family.
std::string encode_u64(uint64_t value);
Result<uint64_t> decode_u64(std::string_view bytes);

}  // namespace seyir::store
