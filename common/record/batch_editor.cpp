// SPDX-License-Identifier: Apache-2.0
#include "common/record/batch_editor.hpp"

#include <algorithm>
#include <functional>
#include <iterator>

#include "common/base/assert.hpp"

namespace seyir {
namespace {

/// Writes to a column that exists only once a row differs from its default.
template <class T>
void set_sparse(std::vector<T>& column, size_t rows, size_t row, const T& value, const T& absent) {
    if (column.empty()) {
        if (value == absent) {
            return;
        }
        column.resize(rows, absent);
    }
    column[row] = value;
}

template <class T>
void retain_column(std::vector<T>& column, std::span<const uint8_t> keep) {
    size_t to = 0;
    for (size_t from = 0; from < column.size(); ++from) {
        if (keep[from] != 0) {
            column[to++] = column[from];
        }
    }
    column.resize(to);
}

AttrRange move_to_end(std::vector<Attr>& all, AttrRange range) {
    const AttrRange moved{static_cast<uint32_t>(all.size()), range.count};
    all.resize(all.size() + range.count);
    std::copy_n(all.begin() + range.begin, range.count, all.begin() + moved.begin);
    return moved;
}

template <class T>
std::vector<T> chosen(const std::vector<T>& column, const Selection& rows) {
    if (rows.all || column.empty()) {
        return column;
    }
    std::vector<T> out;
    out.reserve(rows.rows.size());
    for (const uint32_t i : rows.rows) {
        out.push_back(column[i]);
    }
    return out;
}

}  // namespace

BatchEditor::BatchEditor(BatchView view) {
    // Nobody else can gain a share of what only we hold, so this cannot change under our feet. The
    // share taken and given back here orders us after whoever gave back theirs last.
    const bool is_sole_owner = view.batch.use_count() == 1;
    RecordBatchPtr(view.batch).reset();
    if (view.rows.all && is_sole_owner) {
        take_over(std::move(view));
    } else {
        derive(view);
    }
    batch_->encoded_.reset();
}

void BatchEditor::take_over(BatchView view) {
    // Batches are made mutable and shared as const; the sole owner may go on building.
    batch_ = std::const_pointer_cast<RecordBatch>(std::move(view.batch));
}

void BatchEditor::derive(const BatchView& view) {
    const RecordBatch& from = *view.batch;
    batch_ = std::make_shared<RecordBatch>(from.tenant());
    RecordBatch& to = *batch_;
    to.arena_.adopt(view.batch, from.arena_.size_bytes());
    to.streams_ = from.streams_;
    to.positions_ = from.positions_;
    to.keys_ = from.keys_;
    to.attrs_ = from.attrs_;
    to.provenance_ = from.provenance_;
    to.ts_ = chosen(from.ts_, view.rows);
    to.body_ = chosen(from.body_, view.rows);
    to.stream_ = chosen(from.stream_, view.rows);
    to.attr_ranges_ = chosen(from.attr_ranges_, view.rows);
    to.origin_ = chosen(from.origin_, view.rows);
    to.observed_ = chosen(from.observed_, view.rows);
    to.severity_ = chosen(from.severity_, view.rows);
    to.trace_ = chosen(from.trace_, view.rows);
}

void BatchEditor::set_body(size_t row, Slice body) {
    batch_->body_[row] = body;
}

void BatchEditor::set_ts(size_t row, UnixNanos ts) {
    batch_->ts_[row] = ts;
}

void BatchEditor::set_observed(size_t row, UnixNanos observed) {
    set_sparse(batch_->observed_, row_count(), row, observed, UnixNanos{});
}

void BatchEditor::set_stream(size_t row, uint16_t stream) {
    SEYIR_ASSERT(stream < batch_->streams_.size());
    batch_->stream_[row] = stream;
}

void BatchEditor::set_severity(size_t row, SeverityNumber severity) {
    set_sparse(batch_->severity_, row_count(), row, severity, kSeverityUnset);
}

void BatchEditor::set_trace(size_t row, const TraceIds& trace) {
    set_sparse(batch_->trace_, row_count(), row, trace, TraceIds{});
}

void BatchEditor::set_attrs(size_t row, AttrRange range) {
    batch_->attr_ranges_[row] = range;
    if (row < owns_attrs_.size()) {
        owns_attrs_[row] = 0;
    }
}

void BatchEditor::set_attrs(size_t row, std::span<const Attr> attrs) {
    set_attrs(row, batch_->add_attrs(attrs));
}

AttrRange& BatchEditor::own_attrs(size_t row) {
    if (owns_attrs_.size() < row_count()) {
        owns_attrs_.resize(row_count());
    }
    AttrRange& range = batch_->attr_ranges_[row];
    if (owns_attrs_[row] == 0) {
        range = move_to_end(batch_->attrs_, range);
        owns_attrs_[row] = 1;
    }
    return range;
}

void BatchEditor::set_attr(size_t row, const Attr& attr) {
    AttrRange& range = own_attrs(row);
    std::vector<Attr>& all = batch_->attrs_;
    for (Attr& old : std::span(all).subspan(range.begin, range.count)) {
        if (old.key == attr.key) {
            old = attr;
            return;
        }
    }
    if (range.begin + range.count != all.size()) {
        range = move_to_end(all, range);
    }
    all.push_back(attr);
    ++range.count;
}

bool BatchEditor::remove_attr(size_t row, KeyIndex key) {
    const auto has_key = [&](const Attr& attr) { return attr.key == key; };
    if (std::ranges::none_of(batch_->attrs(row), has_key)) {
        return false;
    }
    AttrRange& range = own_attrs(row);
    const auto mine = std::span(batch_->attrs_).subspan(range.begin, range.count);
    range.count -= static_cast<uint32_t>(std::ranges::remove_if(mine, has_key).size());
    return true;
}

void BatchEditor::retain(std::span<const uint8_t> keep) {
    SEYIR_ASSERT(keep.size() == row_count());
    RecordBatch& batch = *batch_;
    retain_column(batch.ts_, keep);
    retain_column(batch.body_, keep);
    retain_column(batch.stream_, keep);
    retain_column(batch.attr_ranges_, keep);
    retain_column(batch.origin_, keep);
    retain_column(batch.observed_, keep);
    retain_column(batch.severity_, keep);
    retain_column(batch.trace_, keep);
    owns_attrs_.clear();
}

BatchView BatchEditor::finish() && {
    RecordBatch& batch = *batch_;
    batch.raw_bytes_ = 0;
    batch.min_ts_ = UnixNanos::max();
    batch.max_ts_ = UnixNanos::min();
    for (size_t i = 0; i < batch.ts_.size(); ++i) {
        batch.raw_bytes_ += batch.body_[i].size() + 1;
        batch.min_ts_ = std::min(batch.min_ts_, batch.ts_[i]);
        batch.max_ts_ = std::max(batch.max_ts_, batch.ts_[i]);
    }
    return {std::move(batch_), {}};
}

BatchView without_parsed_attrs(BatchView view) {
    if (!view.batch->has_parsed_attrs()) {
        return view;
    }
    BatchEditor edit(std::move(view));
    std::vector<Attr> kept;
    AttrRange before;
    AttrRange after;
    for (size_t i = 0; i < edit.row_count(); ++i) {
        const AttrRange range = edit.batch().attr_range(i);
        if (range != before) {
            const auto attrs = edit.batch().attrs(i);
            kept.clear();
            std::ranges::copy_if(attrs, std::back_inserter(kept), std::not_fn(&Attr::is_parsed));
            before = range;
            after = kept.size() == attrs.size() ? range : edit.batch().add_attrs(kept);
        }
        edit.set_attrs(i, after);
    }
    return std::move(edit).finish();
}

}  // namespace seyir
