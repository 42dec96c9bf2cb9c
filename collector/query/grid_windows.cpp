// SPDX-License-Identifier: Apache-2.0
#include "collector/query/grid_windows.hpp"

#include <algorithm>
#include <limits>

namespace seyir::query {
namespace {

using Wide = __int128;  // times near the ends of int64 must not overflow

Wide ceil_div(Wide a, Wide b) {
    return a >= 0 ? (a + b - 1) / b : -(-a / b);
}

bool fits(Wide value) {
    return value >= std::numeric_limits<int64_t>::min() &&
           value <= std::numeric_limits<int64_t>::max();
}

}  // namespace

void GridWindows::search(int64_t ts_ns) {
    const Wide origin = Wide(grid_.start_ns) - offset_ns_;
    const Wide shifted = Wide(ts_ns) - origin;
    const Wide enters = ceil_div(shifted, grid_.step_ns);
    const Wide leaves = ceil_div(shifted + range_ns_, grid_.step_ns);
    const Wide first = std::max<Wide>(0, enters);
    const Wide last = std::min<Wide>(static_cast<Wide>(grid_.points), leaves);
    steps_ = first < last ? Steps{static_cast<size_t>(first), static_cast<size_t>(last)} : Steps{};
    // Both quotients stay what they are as long as the time is in both of these.
    const Wide after =
        origin + std::max((enters - 1) * grid_.step_ns, (leaves - 1) * grid_.step_ns - range_ns_);
    const Wide up_to =
        origin + std::min(enters * grid_.step_ns, leaves * grid_.step_ns - range_ns_);
    const bool can_keep = fits(after) && fits(up_to);
    after_ = can_keep ? static_cast<int64_t>(after) : 0;
    up_to_ = can_keep ? static_cast<int64_t>(up_to) : 0;
}

}  // namespace seyir::query
