// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "plugins/filter/modify/operation_kinds.hpp"

namespace seyir::plugins {

std::optional<Slice> RowEdit::keep_text(std::string_view text, std::string_view what) {
    if (text_bytes + text.size() > kBatchTextBytesMax) {
        fail(
            "too_large",
            fmt::format("{}: more than {} bytes for one batch", what, kBatchTextBytesMax)
        );
        return std::nullopt;
    }
    text_bytes += text.size();
    return batch().arena().copy(text);
}

bool RowEdit::put(KeyIndex key, const Value& value) {
    has_changed_attrs = true;
    for (Attr& attr : attrs) {
        if (attr.key == key) {
            attr = Attr(key, value);
            return true;
        }
    }
    if (attrs.size() >= kAttributesMax) {
        return fail(
            "too_many_attributes",
            fmt::format("more than {} attributes in a record", kAttributesMax)
        );
    }
    attrs.emplace_back(key, value);
    return true;
}

bool RowEdit::remove(KeyIndex key) {
    const bool removed =
        std::erase_if(attrs, [&](const Attr& attr) { return attr.key == key; }) != 0;
    has_changed_attrs = has_changed_attrs || removed;
    return removed;
}

namespace {

class RemoveOperation final : public Operation {
  public:
    explicit RemoveOperation(const std::vector<FieldRef>& fields) {
        for (const FieldRef& field : fields) {
            switch (field.kind) {
                case FieldKind::kAttribute:
                    keys_.emplace_back(field.name, false);
                    break;
                case FieldKind::kLabel:
                    labels_.emplace_back(field.name);
                    break;
                default:
                    fixed_.push_back(field.kind);
            }
        }
    }

    void bind(RecordBatch& batch) override {
        for (KeyOf& key : keys_) {
            key.bind(batch);
        }
        for (LabelSetter& label : labels_) {
            label.bind(batch);
        }
    }

    bool apply(RowEdit& row) override {
        for (const KeyOf& key : keys_) {
            if (*key) {
                row.remove(**key);
            }
        }
        for (LabelSetter& label : labels_) {
            if (!label.set(row, "")) {
                return false;
            }
        }
        for (const FieldKind kind : fixed_) {
            remove_fixed(row, kind);
        }
        return true;
    }

    bool is_about_attributes() const override { return labels_.empty() && fixed_.empty(); }

    bool may_fail() const override { return !labels_.empty(); }

  private:
    static void remove_fixed(RowEdit& row, FieldKind kind) {
        TraceIds trace = row.batch().trace(row.row);
        if (kind == FieldKind::kSeverity) {
            row.edit.set_severity(row.row, kSeverityUnset);
        } else if (kind == FieldKind::kTraceId) {
            trace.trace_id = {};
            row.edit.set_trace(row.row, trace);
        } else {
            trace.span_id = {};
            row.edit.set_trace(row.row, trace);
        }
    }

    std::vector<KeyOf> keys_;
    std::vector<LabelSetter> labels_;
    std::vector<FieldKind> fixed_;
};

/// From attribute to attribute: keeps the value as it is.
class RenameAttribute final : public Operation {
  public:
    RenameAttribute(std::string from, std::string to)
        : from_(std::move(from), false), to_(std::move(to), true) {}

    void bind(RecordBatch& batch) override {
        from_.bind(batch);
        to_.bind(batch);
    }

    bool apply(RowEdit& row) override {
        if (!*from_) {
            return true;
        }
        const auto at = std::ranges::find(row.attrs, **from_, &Attr::key);
        if (at == row.attrs.end()) {
            return true;
        }
        const Value value = at->value;
        row.remove(**from_);
        return row.put(**to_, value);
    }

    bool is_about_attributes() const override { return true; }

    bool may_fail() const override { return false; }

  private:
    KeyOf from_;
    KeyOf to_;
};

/// Between attributes, labels and the record's own fields: set the one, remove the other.
class MoveOperation final : public Operation {
  public:
    MoveOperation(const FieldRef& from, const FieldRef& to, const std::string& what)
        : from_(from), remove_(make_remove({from}, what)) {
        const bool is_label = from.kind == FieldKind::kLabel;
        const std::string text =
            fmt::format("{{{{.{}{}}}}}", is_label ? "labels." : "attributes.", from.name);
        // A name with braces cannot stand in a template; planning refuses it.
        set_ = make_set(to, *TextTemplate::parse(text), what);
    }

    void bind(RecordBatch& batch) override {
        from_.bind(batch);
        set_->bind(batch);
        remove_->bind(batch);
    }

    bool apply(RowEdit& row) override {
        if (!from_.text(row.batch(), row.row, row.attrs, scratch_)) {
            return true;
        }
        return set_->apply(row) && remove_->apply(row);
    }

  private:
    BoundField from_;
    OperationPtr set_;
    OperationPtr remove_;
    std::string scratch_;
};

class ConvertOperation final : public Operation {
  public:
    ConvertOperation(std::string name, ConvertTo to, std::string what)
        : key_(std::move(name), false), to_(to), what_(std::move(what)) {}

    void bind(RecordBatch& batch) override { key_.bind(batch); }

    bool apply(RowEdit& row) override {
        if (!*key_) {
            return true;
        }
        const auto at = std::ranges::find(row.attrs, **key_, &Attr::key);
        if (at == row.attrs.end()) {
            return true;
        }
        Value value;
        if (!convert(at->value, to_, row.batch().arena(), scratch_, value)) {
            const std::string text = at->value.to_text();
            return row.fail(
                "not_convertible",
                fmt::format("{}: `{}` is no {}", what_, text.substr(0, 100), to_string(to_))
            );
        }
        *at = Attr(**key_, value);
        row.has_changed_attrs = true;
        return true;
    }

    bool is_about_attributes() const override { return true; }

  private:
    KeyOf key_;
    ConvertTo to_;
    std::string what_;
    std::string scratch_;
};

}  // namespace

OperationPtr make_rename(const FieldRef& from, const FieldRef& to, const std::string& what) {
    if (from.kind == FieldKind::kAttribute && to.kind == FieldKind::kAttribute) {
        return std::make_unique<RenameAttribute>(from.name, to.name);
    }
    return std::make_unique<MoveOperation>(from, to, what);
}

OperationPtr make_remove(const std::vector<FieldRef>& fields, const std::string& /*what*/) {
    return std::make_unique<RemoveOperation>(fields);
}

OperationPtr make_convert(const std::string& attribute, ConvertTo to, const std::string& what) {
    return std::make_unique<ConvertOperation>(attribute, to, what);
}

}  // namespace seyir::plugins
