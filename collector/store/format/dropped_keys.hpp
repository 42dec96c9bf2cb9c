// SPDX-License-Identifier: Apache-2.0
// Keys of segments that went on purpose: family meta, written with the drop and apart from the
// catalogue, so that a repair that finds their files beside a damaged catalogue leaves them out.
// Threads: pure functions.   Format: docs/format/store-keys.md; nothing here may be renumbered.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "collector/store/format/keys.hpp"

namespace seyir::store::key {

struct DroppedKey {
    Day day;
    SegmentId id = 0;

    auto operator<=>(const DroppedKey&) const = default;
};

std::string dropped(Day day, SegmentId id);
std::string dropped_prefix();
std::optional<DroppedKey> parse_dropped(std::string_view bytes);

}  // namespace seyir::store::key
