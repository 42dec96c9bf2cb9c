// SPDX-License-Identifier: Apache-2.0
// The rules of exactly-once: what to do with one position of a frame, given how far its lane is.
// Threads: pure functions.   Format/spec: docs/format/wire.md, "Lanes".
#pragma once

#include <optional>

#include "collector/store/format/rows.hpp"
#include "common/record/ack_token.hpp"
#include "common/record/position.hpp"

namespace seyir::store {

/// `known` is empty for a lane never stored. kStored means: store the rows and set committed to
/// `position.end`; any other verdict changes nothing and says where the source must resume.
LaneVerdict judge(const std::optional<LaneState>& known, const SourcePosition& position);

/// The lane after a position judged kStored.
LaneState advance(
    const std::optional<LaneState>& known, const SourcePosition& position, UnixNanos now
);

}  // namespace seyir::store
