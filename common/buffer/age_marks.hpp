// SPDX-License-Identifier: Apache-2.0
// AgeMarks: when a log took in what lies where, to within a second, without reading it. It forgets
// every other mark when there are many, so a log that waits for a day is known to within a minute;
// what is asked for is never said to be younger than it is.
// Threads: one at a time.   Limits: kMarksMax.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>

#include "common/base/time.hpp"

namespace seyir::buffer {

class AgeMarks {
  public:
    static constexpr size_t kMarksMax = 4096;

    /// A frame that begins at `offset`, behind those told before.
    void add(uint64_t offset, UnixNanos taken_in) {
        if (!marks_.empty()) {
            const Nanos since = taken_in - marks_.back().taken_in;
            if (offset <= marks_.back().offset || (since >= Nanos(0) && since < spacing_)) {
                return;
            }
        }
        marks_.push_back({offset, taken_in});
        if (marks_.size() > kMarksMax) {
            size_t kept = 0;
            for (size_t i = 0; i < marks_.size(); i += 2) {
                marks_[kept++] = marks_[i];
            }
            marks_.resize(kept);
            spacing_ *= 2;
        }
    }

    /// A frame before those told.
    void add_before(uint64_t offset, UnixNanos taken_in) {
        if (marks_.empty() || offset < marks_.front().offset) {
            marks_.push_front({offset, taken_in});
        }
    }

    /// Nobody asks for what lies before `offset` any more.
    void forget_before(uint64_t offset) {
        while (marks_.size() > 1 && marks_[1].offset <= offset) {
            marks_.pop_front();
        }
    }

    /// Of the frame that begins at `offset`; nothing when none was told.
    std::optional<UnixNanos> at(uint64_t offset) const {
        if (marks_.empty()) {
            return std::nullopt;
        }
        const auto behind = std::ranges::upper_bound(marks_, offset, {}, &Mark::offset);
        return (behind == marks_.begin() ? behind : behind - 1)->taken_in;
    }

  private:
    struct Mark {
        uint64_t offset = 0;
        UnixNanos taken_in;
    };

    std::deque<Mark> marks_;
    Nanos spacing_ = std::chrono::seconds(1);
};

}  // namespace seyir::buffer
