// SPDX-License-Identifier: Apache-2.0
// BatchEdits: what a native script wants changed, gathered while process(batch) runs and applied
// once it returned. Reads of a row see its own changes.
// Threads: one at a time.   Ownership: strings and values live in the edited batch's arena.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "plugins/filter/lua/record/outcomes.hpp"

namespace seyir::plugins::lua {

struct FieldEdit {
    KeyIndex key = 0;
    bool is_removed = false;
    Value value;
};

struct RowEdit {
    std::optional<Slice> body;
    std::optional<UnixNanos> ts;
    std::optional<SeverityNumber> severity;
    std::vector<FieldEdit> fields;
};

class BatchEdits {
  public:
    explicit BatchEdits(BatchView view)
        : edit_(std::move(view)),
          rows_(edit_.batch().row_count()),
          edit_of_row_(rows_, 0),
          outcomes_(rows_) {}

    RecordBatch& batch() { return edit_.batch(); }

    size_t rows() const { return rows_; }

    Slice body(size_t row) const;
    UnixNanos ts(size_t row) const;
    SeverityNumber severity(size_t row) const;
    /// nullptr: the row has no such field.
    const Value* field(size_t row, KeyIndex key) const;
    /// The row's fields with their changes.
    void fields(size_t row, std::vector<Attr>& out) const;

    RowEdit& change(size_t row);
    void set_field(size_t row, KeyIndex key, std::optional<Value> value);

    void drop(size_t row, std::string_view reason) {
        if (!outcomes_.is_dropped(row)) {
            outcomes_.drop(row, reason);
        }
    }

    /// A new row that follows `row`.
    void emit(size_t row, Row made) { emitted_.push_back({row, made}); }

    size_t emitted() const { return emitted_.size(); }

    /// Everything as the script said.
    void apply(pipeline::FilterSink& sink) &&;
    /// Nothing changed; all rows failed.
    void fail_all(const Error& error, pipeline::FilterSink& sink) &&;

  private:
    struct Emitted {
        size_t row;
        Row made;
    };

    const RowEdit* find(size_t row) const {
        return edit_of_row_[row] == 0 ? nullptr : &edits_[edit_of_row_[row] - 1];
    }

    BatchEditor edit_;
    size_t rows_;
    std::vector<uint32_t> edit_of_row_;  ///< place in edits_ plus one
    std::deque<RowEdit> edits_;
    std::vector<Emitted> emitted_;
    Outcomes outcomes_;
};

}  // namespace seyir::plugins::lua
