// SPDX-License-Identifier: Apache-2.0
// BatchEditor: how a filter changes rows. A view that is the only owner of its batch is taken over;
// otherwise a new batch is made that shares the old one's bytes (bodies and values are not copied,
// only the columns are). The result has the view's rows only, and every position, stream, key and
// the provenance of the batch; encoded bytes are dropped.
//   BatchEditor edit(std::move(view));
//   edit.set_severity(i, kSeverityError);
//   sink.emit(std::move(edit).finish());
// Threads: one at a time.   Ownership: what is put into rows must live in batch().arena().
#pragma once

#include <span>

#include "common/record/batch.hpp"

namespace seyir {

class BatchEditor {
  public:
    explicit BatchEditor(BatchView view);

    /// For reading, and for arena(), add_key(), add_stream(), add_attrs(). Rows are numbered from 0
    /// among the view's rows.
    RecordBatch& batch() { return *batch_; }

    const RecordBatch& batch() const { return *batch_; }

    size_t row_count() const { return batch_->row_count(); }

    void set_body(size_t row, Slice body);
    void set_ts(size_t row, UnixNanos ts);
    void set_observed(size_t row, UnixNanos observed);
    void set_stream(size_t row, uint16_t stream);
    void set_severity(size_t row, SeverityNumber severity);
    void set_trace(size_t row, const TraceIds& trace);

    /// The row's attributes from now on; a range from batch().add_attrs().
    void set_attrs(size_t row, AttrRange range);
    /// add_attrs() and set_attrs() together.
    void set_attrs(size_t row, std::span<const Attr> attrs);

    /// Sets one attribute of one row, in place of the one of that key; what other rows share is
    /// copied first. `attr` must live in the arena.
    void set_attr(size_t row, const Attr& attr);
    /// Removes every attribute of that key from the row; false when it has none.
    bool remove_attr(size_t row, KeyIndex key);

    /// Appends a row of its own (one record split into several). Its origin says where it belongs.
    void append_row(const Row& row) { batch_->append_row(row); }

    /// Leaves out rows; `keep` has one entry for each row. Row numbers change.
    void retain(std::span<const uint8_t> keep);

    /// All rows of the edited batch.
    BatchView finish() &&;

  private:
    void take_over(BatchView view);
    void derive(const BatchView& view);

    AttrRange& own_attrs(size_t row);

    std::shared_ptr<RecordBatch> batch_;
    std::vector<uint8_t> owns_attrs_;  ///< rows whose range set_attr() made: no other row has it
};

/// What a store keeps of the view: attributes with is_parsed are left out. The view itself when
/// there are none.
BatchView without_parsed_attrs(BatchView view);

}  // namespace seyir
