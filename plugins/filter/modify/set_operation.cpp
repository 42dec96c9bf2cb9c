// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "common/record/severity.hpp"
#include "plugins/filter/modify/operation_kinds.hpp"

namespace seyir::plugins {

std::optional<SeverityNumber> severity_of(std::string_view text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) {
        return number >= 1 && number <= 24 ? std::optional(static_cast<SeverityNumber>(number))
                                           : std::nullopt;
    }
    const SeverityNumber severity = severity_from_text(text);
    return severity == kSeverityUnset ? std::nullopt : std::optional(severity);
}

void LabelSetter::bind(RecordBatch& /*batch*/) {
    made_.clear();
    last_ = kNone;
}

size_t LabelSetter::find(uint16_t from, std::string_view value) const {
    const auto key = [](const Made& made) {
        return std::pair(made.from, std::string_view(made.value));
    };
    const auto at = std::ranges::lower_bound(made_, std::pair(from, value), {}, key);
    return static_cast<size_t>(at - made_.begin());
}

bool LabelSetter::set(RowEdit& row, std::string_view value) {
    const uint16_t from = row.batch().stream(row.row);
    const auto is_it = [&](size_t at) {
        return at < made_.size() && made_[at].from == from && made_[at].value == value;
    };
    if (!is_it(last_)) {
        last_ = find(from, value);
        if (!is_it(last_) && !make(row, from, value)) {
            return false;
        }
    }
    row.edit.set_stream(row.row, made_[last_].to);
    return true;
}

bool LabelSetter::make(RowEdit& row, uint16_t from, std::string_view value) {
    RecordBatch& batch = row.batch();
    if (batch.streams().size() >= kStreamsMax) {
        return row.fail(
            "too_many_streams",
            fmt::format("label `{}`: more than {} streams in one batch", name_, kStreamsMax)
        );
    }
    std::vector<StreamLabels::Pair> pairs = batch.streams()[from]->pairs();
    std::erase_if(pairs, [&](const auto& pair) { return pair.first == name_; });
    pairs.emplace_back(name_, value);
    auto labels = StreamLabels::make(std::move(pairs));
    if (!labels) {
        return row.fail("bad_label", fmt::format("label `{}`: {}", name_, labels.error().message));
    }
    last_ = find(from, value);
    made_.insert(
        made_.begin() + static_cast<ptrdiff_t>(last_),
        {from, batch.add_stream(*labels), std::string(value)}
    );
    return true;
}

namespace {

/// Attributes: typed constants, texts of templates.
class SetAttribute final : public Operation {
  public:
    SetAttribute(std::string name, SetValue value, std::string what)
        : key_(std::move(name), true), value_(std::move(value)), what_(std::move(what)) {}

    void bind(RecordBatch& batch) override {
        key_.bind(batch);
        constant_.reset();
        if (auto* text = std::get_if<TextTemplate>(&value_)) {
            text->bind(batch);
        }
    }

    bool apply(RowEdit& row) override {
        if (constant_) {
            return row.put(**key_, *constant_);
        }
        Value value;
        if (auto* text = std::get_if<TextTemplate>(&value_)) {
            if (!text->render(row.batch(), row.row, row.attrs, kTextBytesMax, rendered_)) {
                return row.fail(
                    "too_large", fmt::format("{}: more than {} bytes", what_, kTextBytesMax)
                );
            }
            const auto kept = row.keep_text(rendered_, what_);
            if (!kept) {
                return false;
            }
            value = Value::string(*kept);
        } else if (const auto* number = std::get_if<int64_t>(&value_)) {
            value = Value::integer(*number);
        } else if (const auto* real = std::get_if<double>(&value_)) {
            value = Value::real(*real);
        } else {
            value = Value::boolean(std::get<bool>(value_));
        }
        if (is_about_attributes()) {
            constant_ = value;
        }
        return row.put(**key_, value);
    }

    bool is_about_attributes() const override {
        const auto* text = std::get_if<TextTemplate>(&value_);
        return text == nullptr || text->is_constant();
    }

  private:
    KeyOf key_;
    SetValue value_;
    std::string what_;
    std::optional<Value> constant_;  // in the batch's arena
    std::string rendered_;
};

/// Everything that is set from a text.
class SetFromText : public Operation {
  public:
    SetFromText(TextTemplate text, std::string what)
        : text_(std::move(text)), what_(std::move(what)) {}

    void bind(RecordBatch& batch) override { text_.bind(batch); }

    bool apply(RowEdit& row) final {
        if (!text_.render(row.batch(), row.row, row.attrs, kTextBytesMax, rendered_)) {
            return row.fail(
                "too_large", fmt::format("{}: more than {} bytes", what_, kTextBytesMax)
            );
        }
        return set(row, rendered_);
    }

  protected:
    virtual bool set(RowEdit& row, std::string_view text) = 0;

    bool bad(RowEdit& row, std::string_view text, std::string_view wanted) const {
        return row.fail(
            "bad_value", fmt::format("{}: `{}` is not {}", what_, text.substr(0, 100), wanted)
        );
    }

  private:
    TextTemplate text_;
    std::string what_;
    std::string rendered_;
};

class SetLine final : public SetFromText {
  public:
    using SetFromText::SetFromText;

  private:
    bool set(RowEdit& row, std::string_view text) override {
        const auto kept = row.keep_text(text, "set `line`");
        if (kept) {
            row.edit.set_body(row.row, *kept);
        }
        return kept.has_value();
    }
};

class SetSeverity final : public SetFromText {
  public:
    using SetFromText::SetFromText;

  private:
    bool set(RowEdit& row, std::string_view text) override {
        const auto severity = severity_of(text);
        if (!severity) {
            return bad(row, text, "a severity: a word such as warn, or 1 to 24");
        }
        row.edit.set_severity(row.row, *severity);
        return true;
    }
};

class SetTimestamp final : public SetFromText {
  public:
    using SetFromText::SetFromText;

  private:
    bool set(RowEdit& row, std::string_view text) override {
        const auto time = time_from_text(text);
        if (!time) {
            return bad(row, text, "a time: RFC 3339 or a number since 1970");
        }
        if (row.batch().observed(row.row) == UnixNanos{}) {
            row.edit.set_observed(row.row, row.batch().ts(row.row));
        }
        row.edit.set_ts(row.row, *time);
        return true;
    }
};

template <size_t kSize>
bool unhex(std::string_view text, std::array<uint8_t, kSize>& out) {
    if (text.size() != 2 * kSize) {
        return false;
    }
    for (size_t i = 0; i < kSize; ++i) {
        const char* at = text.data() + 2 * i;
        const auto [end, error] = std::from_chars(at, at + 2, out[i], 16);
        if (error != std::errc{} || end != at + 2) {
            return false;
        }
    }
    return true;
}

class SetTrace final : public SetFromText {
  public:
    SetTrace(bool is_span, TextTemplate text, std::string what)
        : SetFromText(std::move(text), std::move(what)), is_span_(is_span) {}

  private:
    bool set(RowEdit& row, std::string_view text) override {
        TraceIds ids = row.batch().trace(row.row);
        if (!(is_span_ ? unhex(text, ids.span_id) : unhex(text, ids.trace_id))) {
            return bad(row, text, is_span_ ? "16 hex digits" : "32 hex digits");
        }
        row.edit.set_trace(row.row, ids);
        return true;
    }

    bool is_span_;
};

class SetLabel final : public SetFromText {
  public:
    SetLabel(std::string name, TextTemplate text, std::string what)
        : SetFromText(std::move(text), std::move(what)), label_(std::move(name)) {}

    void bind(RecordBatch& batch) override {
        SetFromText::bind(batch);
        label_.bind(batch);
    }

  private:
    bool set(RowEdit& row, std::string_view text) override { return label_.set(row, text); }

    LabelSetter label_;
};

TextTemplate text_of(const SetValue& value) {
    if (const auto* text = std::get_if<TextTemplate>(&value)) {
        return *text;
    }
    // Numbers and truth values have no braces, so they always parse.
    std::string plain;
    if (const auto* number = std::get_if<int64_t>(&value)) {
        plain = fmt::format("{}", *number);
    } else if (const auto* real = std::get_if<double>(&value)) {
        plain = fmt::format("{}", *real);
    } else {
        plain = std::get<bool>(value) ? "true" : "false";
    }
    return *TextTemplate::parse(plain);
}

}  // namespace

OperationPtr make_set(const FieldRef& target, const SetValue& value, const std::string& what) {
    switch (target.kind) {
        case FieldKind::kAttribute:
            return std::make_unique<SetAttribute>(target.name, value, what);
        case FieldKind::kLine:
            return std::make_unique<SetLine>(text_of(value), what);
        case FieldKind::kSeverity:
            return std::make_unique<SetSeverity>(text_of(value), what);
        case FieldKind::kTimestamp:
            return std::make_unique<SetTimestamp>(text_of(value), what);
        case FieldKind::kTraceId:
        case FieldKind::kSpanId:
            return std::make_unique<SetTrace>(
                target.kind == FieldKind::kSpanId, text_of(value), what
            );
        case FieldKind::kLabel:
            return std::make_unique<SetLabel>(target.name, text_of(value), what);
    }
    return nullptr;
}

}  // namespace seyir::plugins
