// SPDX-License-Identifier: Apache-2.0
// LineWriter: lines of a block, put together one after another.
// Room: columns -> text of rows. What a line can need is known from its shape, so that the room is
// asked for once a line and not once a piece.
// Threads: one at a time.   Limits: bytes_max of text, and the steps of a RenderLimit.
// Ownership: the columns outlive it; the bytes are shared with whoever asks for them.
#pragma once

#include <memory>
#include <vector>

#include "collector/store/columns/decode/line_columns.hpp"

namespace seyir::store::columns {

class LineWriter {
  public:
    /// `lines`: how many are to come.
    LineWriter(const LineColumns& columns, uint64_t bytes_max, size_t lines);

    /// Requires: load_slots() for the row. False beyond the limits; no more is to be added then.
    bool add(uint32_t row);

    size_t size() const { return size_; }

    size_t capacity() const { return capacity_; }

    /// What has been written; adding may move it.
    const std::shared_ptr<char[]>& bytes() const { return bytes_; }

  private:
    bool make_room(uint32_t row);

    const LineColumns& columns_;
    RenderLimit limit_;
    std::vector<size_t> room_;  ///< by shape; 0: not known yet
    std::shared_ptr<char[]> bytes_;
    size_t size_ = 0;
    size_t capacity_ = 0;
};

}  // namespace seyir::store::columns
