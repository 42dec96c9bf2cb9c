// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/lua/record/batch_edits.hpp"

#include <algorithm>

namespace seyir::plugins::lua {

Slice BatchEdits::body(size_t row) const {
    const RowEdit* edit = find(row);
    return edit != nullptr && edit->body ? *edit->body : edit_.batch().body(row);
}

UnixNanos BatchEdits::ts(size_t row) const {
    const RowEdit* edit = find(row);
    return edit != nullptr && edit->ts ? *edit->ts : edit_.batch().ts(row);
}

SeverityNumber BatchEdits::severity(size_t row) const {
    const RowEdit* edit = find(row);
    return edit != nullptr && edit->severity ? *edit->severity : edit_.batch().severity(row);
}

const Value* BatchEdits::field(size_t row, KeyIndex key) const {
    if (const RowEdit* edit = find(row)) {
        const auto at = std::ranges::find(edit->fields, key, &FieldEdit::key);
        if (at != edit->fields.end()) {
            return at->is_removed ? nullptr : &at->value;
        }
    }
    return edit_.batch().find_attr(row, key);
}

void BatchEdits::fields(size_t row, std::vector<Attr>& out) const {
    const auto attrs = edit_.batch().attrs(row);
    out.assign(attrs.begin(), attrs.end());
    const RowEdit* edit = find(row);
    if (edit == nullptr) {
        return;
    }
    for (const FieldEdit& change : edit->fields) {
        const auto at = std::ranges::find(out, change.key, &Attr::key);
        if (change.is_removed) {
            if (at != out.end()) {
                out.erase(at);
            }
        } else if (at == out.end()) {
            out.emplace_back(change.key, change.value);
        } else if (!(at->value == change.value)) {
            *at = Attr(change.key, change.value);
        }
    }
    if (edit->body) {
        for (Attr& attr : out) {
            attr.is_parsed = false;  // the new line may not say it any more
        }
    }
}

RowEdit& BatchEdits::change(size_t row) {
    if (edit_of_row_[row] == 0) {
        edits_.emplace_back();
        edit_of_row_[row] = static_cast<uint32_t>(edits_.size());
    }
    return edits_[edit_of_row_[row] - 1];
}

void BatchEdits::set_field(size_t row, KeyIndex key, std::optional<Value> value) {
    RowEdit& edit = change(row);
    const FieldEdit made{key, !value, value.value_or(Value())};
    const auto at = std::ranges::find(edit.fields, key, &FieldEdit::key);
    if (at == edit.fields.end()) {
        edit.fields.push_back(made);
    } else {
        *at = made;
    }
}

void BatchEdits::apply(pipeline::FilterSink& sink) && {
    std::vector<Attr> attrs;
    for (size_t row = 0; row < rows_; ++row) {
        const RowEdit* edit = find(row);
        if (edit == nullptr) {
            continue;
        }
        if (!edit->fields.empty() || edit->body) {
            fields(row, attrs);
            edit_.set_attrs(row, attrs);
        }
        if (edit->body) {
            edit_.set_body(row, *edit->body);
        }
        if (edit->ts) {
            edit_.set_ts(row, *edit->ts);
        }
        if (edit->severity) {
            edit_.set_severity(row, *edit->severity);
        }
    }
    for (const Emitted& emitted : emitted_) {
        outcomes_.add_rows(emitted.row, edit_.batch().row_count(), 1);
        edit_.append_row(emitted.made);
    }
    std::move(outcomes_).finish(std::move(edit_), sink);
}

void BatchEdits::fail_all(const Error& error, pipeline::FilterSink& sink) && {
    Outcomes failed(rows_);
    for (size_t row = 0; row < rows_; ++row) {
        failed.fail(row, error);
    }
    std::move(failed).finish(std::move(edit_), sink);
}

}  // namespace seyir::plugins::lua
