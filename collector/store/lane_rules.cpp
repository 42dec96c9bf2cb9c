// SPDX-License-Identifier: Apache-2.0
#include "collector/store/lane_rules.hpp"

namespace seyir::store {

LaneVerdict judge(const std::optional<LaneState>& known, const SourcePosition& position) {
    using Kind = LaneVerdict::Kind;
    const uint64_t committed = known ? known->committed : 0;
    LaneVerdict verdict{
        .key = position.key,
        .kind = Kind::kStored,
        .committed = committed,
        .tail_hash = known ? known->tail_hash : 0,
    };
    const bool joins = position.begin == committed && position.begin <= position.end;
    // A lane starts anywhere on purpose only; lane_start never moves a lane back.
    const bool starts_here =
        position.lane_start && position.begin >= committed && position.begin <= position.end;
    if (joins || starts_here) {
        verdict.committed = position.end;
        verdict.tail_hash = position.tail_hash;
    } else if (position.end <= committed) {
        verdict.kind = Kind::kDuplicate;
    } else if (position.begin < committed) {
        verdict.kind = Kind::kRewind;
    } else {
        verdict.kind = Kind::kGap;
    }
    return verdict;
}

LaneState advance(
    const std::optional<LaneState>& known, const SourcePosition& position, UnixNanos now
) {
    LaneState state = known.value_or(LaneState{});
    state.skipped_bytes += position.begin - state.committed;
    state.committed = position.end;
    state.tail_hash = position.tail_hash;
    state.committed_at = now;
    state.cursor = position.cursor;
    return state;
}

}  // namespace seyir::store
