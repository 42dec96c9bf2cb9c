// SPDX-License-Identifier: Apache-2.0
// FollowCursor: which rows of overlapping answers are new. Rows of different agents arrive out of
// order, so each poll looks back a little, and what was printed is recognised: by time, labels and
// line, and by how many of the same there were, for identical lines are all kept.
// Threads: one owner.   Memory: 24 bytes for each row of the look-back window.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "common/base/time.hpp"
#include "ctl/print/row_buffer.hpp"

namespace seyir::ctl {

class FollowCursor {
  public:
    /// Polls begin at `start`; they look `look_back` behind the newest row.
    FollowCursor(UnixNanos start, Nanos look_back) : from_(start), look_back_(look_back) {}

    UnixNanos from() const { return from_; }

    /// Once per poll, before its rows.
    void begin_poll() { in_poll_.clear(); }

    /// True when this row was not there before.
    bool is_new(const RowView& row);

    /// After a poll that saw everything up to now, or now and then while rows come by themselves:
    /// moves on and forgets what lies behind.
    void end_poll();

  private:
    struct Seen {
        UnixNanos ts;
        uint32_t count = 0;
    };

    UnixNanos from_;
    Nanos look_back_;
    UnixNanos newest_ = UnixNanos::min();
    std::unordered_map<uint64_t, Seen> seen_;
    std::unordered_map<uint64_t, uint32_t> in_poll_;
};

}  // namespace seyir::ctl
