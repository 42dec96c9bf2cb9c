// SPDX-License-Identifier: Apache-2.0
// GridWindows: the steps whose window (T - R, T] holds a time. Rows near in time fall into the same
// steps, so the last answer is kept with the times it is good for.
// Threads: one owner.
#pragma once

#include <cstddef>
#include <cstdint>

#include "collector/query/series.hpp"

namespace seyir::query {

class GridWindows {
  public:
    /// Steps [begin, end); empty when no window holds the time.
    struct Steps {
        size_t begin = 0;
        size_t end = 0;
    };

    GridWindows(const Grid& grid, int64_t range_ns, int64_t offset_ns)
        : grid_(grid), range_ns_(range_ns), offset_ns_(offset_ns) {}

    Steps find(int64_t ts_ns) {
        if (ts_ns <= after_ || ts_ns > up_to_) {
            search(ts_ns);
        }
        return steps_;
    }

  private:
    void search(int64_t ts_ns);

    Grid grid_;
    int64_t range_ns_;
    int64_t offset_ns_;
    int64_t after_ = 0;  ///< steps_ is good for times in (after_, up_to_]
    int64_t up_to_ = 0;
    Steps steps_;
};

}  // namespace seyir::query
