// SPDX-License-Identifier: Apache-2.0
// LineBatcher: a stream of bytes -> rows, one a line, in the batch being built.
// Threads: one at a time.
// Limits: a line longer than `max_line_bytes` becomes several rows; nothing is left out. What is
// held beside the batch is at most one line.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/time.hpp"
#include "common/record/batch.hpp"

namespace seyir::agent::input {

class LineBatcher {
  public:
    LineBatcher(StreamLabelsPtr labels, uint64_t max_line_bytes);

    /// Rows get `now`, each at least one nanosecond after the one before.
    void add(std::string_view bytes, UnixNanos now);
    /// The input has ended: what has no line break is a line too.
    void end(UnixNanos now);

    bool empty() const { return batch_->row_count() == 0; }

    uint64_t raw_bytes() const { return batch_->raw_bytes(); }

    /// Lines that became several rows, so far.
    uint64_t split_lines() const { return split_lines_; }

    /// The finished batch; a new one is begun.
    std::shared_ptr<RecordBatch> take();

  private:
    void begin_batch();
    void add_row(std::string_view line, UnixNanos now);

    const StreamLabelsPtr labels_;
    const uint64_t max_line_bytes_;
    std::shared_ptr<RecordBatch> batch_;
    uint16_t stream_ = 0;
    std::string rest_;  ///< of a line whose end has not come
    UnixNanos last_ts_;
    bool is_splitting_ = false;
    uint64_t split_lines_ = 0;
};

}  // namespace seyir::agent::input
