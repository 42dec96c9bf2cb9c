// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/redact/redact_filter.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace seyir::plugins::redact {
namespace {

// Shorter pieces are not taken for a part of a secret: they are in every text.
constexpr size_t kPieceBytesMin = 4;

Error too_deep() {
    return fail(
        ErrorCode::kTooLarge,
        fmt::format("attribute nested more than {} deep", RedactFilter::kDepthMax)
    );
}

bool is_text(const Value& value) {
    return value.kind() == ValueKind::kString || value.kind() == ValueKind::kBytes ||
           value.kind() == ValueKind::kNumberText;
}

/// A whole number as a parser keeps it, the double 4111111111111111.0 too; nothing for fractions,
/// and for numbers with fewer digits than a phone number, which tell nothing.
std::optional<int64_t> long_number(const Value& value) {
    constexpr int64_t kMin = 100'000'000;
    constexpr double kDoubleMax = 1e18;
    int64_t number = 0;
    if (value.kind() == ValueKind::kInt) {
        number = value.as_int();
    } else if (value.kind() == ValueKind::kDouble && std::abs(value.as_double()) < kDoubleMax &&
               std::trunc(value.as_double()) == value.as_double()) {
        number = static_cast<int64_t>(value.as_double());
    }
    return number >= kMin || number <= -kMin ? std::optional(number) : std::nullopt;
}

/// True when the slices share bytes in memory.
bool overlaps(Slice a, Slice b) {
    const std::less<> before;
    return before(a.data(), b.data() + b.size()) && before(b.data(), a.data() + a.size());
}

}  // namespace

RedactFilter::RedactFilter(
    RedactOptionsPtr options, Redactor redactor, std::vector<metrics::Counter*> counters
)
    : options_(std::move(options)),
      redactor_(std::move(redactor)),
      counters_(std::move(counters)) {}

Result<void> RedactFilter::process(BatchView given, pipeline::FilterSink& sink) {
    SEYIR_TRY(BatchView view, with_clean_names(std::move(given)));
    choose_keys(*view.batch);
    size_t first = 0;
    bool changes = false;
    for_each_row(view, [&](uint32_t row) {
        if (!changes) {
            changes = row_changes(*view.batch, row);
            first += changes ? 0 : 1;
        }
    });
    if (!changes) {
        sink.emit(std::move(view));
        return {};
    }
    BatchEditor edit(std::move(view));
    std::vector<uint32_t> failed;
    std::string why;
    for (size_t row = first; row < edit.row_count(); ++row) {
        if (Result<void> done = redact_row(edit, row); !done) {
            failed.push_back(static_cast<uint32_t>(row));
            why = done.error().message;
        }
    }
    count();
    BatchView all = std::move(edit).finish();
    if (failed.empty()) {
        sink.emit(std::move(all));
        return {};
    }
    std::vector<uint32_t> good;
    for (uint32_t row = 0; row < all.batch->row_count(); ++row) {
        if (!std::ranges::binary_search(failed, row)) {
            good.push_back(row);
        }
    }
    sink.fail({all.batch, Selection::of(std::move(failed))}, "not_redacted", why);
    if (!good.empty()) {
        sink.emit({std::move(all.batch), Selection::of(std::move(good))});
    }
    return {};
}

/// Names go on with the batch whatever rows use them, so a batch with a secret in one is rebuilt.
Result<BatchView> RedactFilter::with_clean_names(BatchView view) {
    const auto is_excepted = [&](Slice name) {
        return std::ranges::find(options_->except, name) != options_->except.end();
    };
    const bool is_clean = std::ranges::none_of(view.batch->keys(), [&](Slice name) {
        return !is_excepted(name) && redactor_.finds(name);
    });
    if (is_clean) {
        return view;
    }
    const RecordBatch& from = *view.batch;
    auto to = std::make_shared<RecordBatch>(from.tenant());
    to->arena().adopt(view.batch, from.memory_bytes());
    std::vector<KeyIndex> key_of;
    for (const Slice name : from.keys()) {
        SEYIR_TRY(const bool changed, redactor_.redact(name));
        key_of.push_back(to->add_key(changed && !is_excepted(name) ? redactor_.text() : name));
    }
    for (const StreamLabelsPtr& stream : from.streams()) {
        to->add_stream(stream);
    }
    for (const SourcePosition& position : from.positions()) {
        to->add_position(position);
    }
    to->set_provenance(from.provenance());
    for_each_row(view, [&](uint32_t i) {
        attrs_.clear();
        for (const Attr& attr : from.attrs(i)) {
            attrs_.emplace_back(key_of[attr.key], attr.value, attr.is_parsed);
        }
        Row row = from.row(i);
        row.attrs = to->add_attrs(attrs_);
        to->append_row(row);
    });
    return BatchView{std::move(to), {}};
}

void RedactFilter::choose_keys(const RecordBatch& batch) {
    keys_.clear();
    for (const Slice key : batch.keys()) {
        const bool is_field = options_->fields.empty() ||
                              std::ranges::find(options_->fields, key) != options_->fields.end();
        const bool is_excepted = std::ranges::find(options_->except, key) != options_->except.end();
        const bool wanted = is_field && !is_excepted;
        keys_.push_back(
            wanted           ? KeyRule::kAlways
            : options_->body ? KeyRule::kParsedOnly
                             : KeyRule::kNever
        );
    }
}

bool RedactFilter::wants(const Attr& attr) const {
    const KeyRule rule = keys_[attr.key];
    return rule == KeyRule::kAlways || (rule == KeyRule::kParsedOnly && attr.is_parsed);
}

bool RedactFilter::row_changes(const RecordBatch& batch, uint32_t row) {
    if (options_->body && redactor_.finds(batch.body(row))) {
        return true;
    }
    return std::ranges::any_of(batch.attrs(row), [&](const Attr& attr) {
        return wants(attr) && value_changes(attr.value, 0);
    });
}

/// True also where redact_value() would fail.
bool RedactFilter::value_changes(const Value& value, int depth) {
    if (depth > kDepthMax) {
        return true;
    }
    switch (value.kind()) {
        case ValueKind::kArray:
            return std::ranges::any_of(value.items(), [&](const Value& item) {
                return value_changes(item, depth + 1);
            });
        case ValueKind::kMap:
            return std::ranges::any_of(value.members(), [&](const ValueMember& member) {
                return redactor_.finds(member.name) || value_changes(member.value, depth + 1);
            });
        case ValueKind::kInt:
        case ValueKind::kDouble: {
            const auto number = long_number(value);
            return number && redactor_.finds(std::to_string(*number));
        }
        default:
            return is_text(value) && redactor_.finds(value.as_text());
    }
}

Result<void> RedactFilter::redact_row(BatchEditor& edit, size_t row) {
    removed_.clear();
    custom_removed_ = false;
    const Slice body = edit.batch().body(row);
    bool body_changed = false;
    Slice clean;
    if (options_->body) {
        SEYIR_TRY(body_changed, redactor_.redact(body));
        if (body_changed) {
            removed_ = redactor_.found();
            custom_removed_ = redactor_.custom_changed();
            clean = edit.batch().arena().copy(redactor_.text());
        }
    }
    SEYIR_CHECK(redact_attrs(edit, row, body, body_changed));
    if (body_changed) {
        edit.set_body(row, clean);
    }
    return {};
}

Result<void> RedactFilter::redact_attrs(
    BatchEditor& edit, size_t row, Slice body, bool body_changed
) {
    attrs_.clear();
    bool changed = false;
    for (Attr attr : edit.batch().attrs(row)) {
        const bool came_with_it = body_changed && attr.is_parsed;
        if (came_with_it && (custom_removed_ || holds_piece(attr.value, body, 0))) {
            // What is whole may be replaced, what is a piece has to go.
            SEYIR_TRY(const bool replaced, redact_value(attr.value, edit.batch().arena(), 0));
            changed = true;
            if (replaced && !custom_removed_ && !holds_piece(attr.value, body, 0)) {
                attrs_.push_back(attr);
            }
            continue;
        }
        if (wants(attr)) {
            SEYIR_TRY(const bool replaced, redact_value(attr.value, edit.batch().arena(), 0));
            changed = changed || replaced;
        }
        attrs_.push_back(attr);
    }
    if (changed) {
        edit.set_attrs(row, std::span<const Attr>(attrs_));
    }
    return {};
}

/// True when some text of the value is a part of what was taken out of the body.
bool RedactFilter::holds_piece(const Value& value, Slice body, int depth) const {
    if (depth > kDepthMax) {
        return true;
    }
    const auto is_piece = [&](Slice text, bool is_own_memory) {
        return std::ranges::any_of(removed_, [&](const Match& match) {
            const Slice secret = body.substr(match.begin, match.end - match.begin);
            return (is_own_memory && overlaps(text, secret)) ||
                   (text.size() >= kPieceBytesMin && secret.contains(text));
        });
    };
    switch (value.kind()) {
        case ValueKind::kArray:
            return std::ranges::any_of(value.items(), [&](const Value& item) {
                return holds_piece(item, body, depth + 1);
            });
        case ValueKind::kMap:
            return std::ranges::any_of(value.members(), [&](const ValueMember& member) {
                return is_piece(member.name, true) || holds_piece(member.value, body, depth + 1);
            });
        case ValueKind::kInt:
        case ValueKind::kDouble:
            return is_piece(value.to_text(), false);
        default:
            return is_text(value) && is_piece(value.as_text(), true);
    }
}

Result<bool> RedactFilter::redact_value(Value& value, Arena& arena, int depth) {
    if (depth > kDepthMax) {
        return too_deep();
    }
    switch (value.kind()) {
        case ValueKind::kArray:
            return redact_array(value, arena, depth);
        case ValueKind::kMap:
            return redact_map(value, arena, depth);
        case ValueKind::kInt:
        case ValueKind::kDouble: {
            const auto number = long_number(value);
            if (!number) {
                return false;
            }
            SEYIR_TRY(const bool changed, redactor_.redact(std::to_string(*number)));
            if (changed) {
                value = Value::string(arena.copy(redactor_.text()));
            }
            return changed;
        }
        default:
            break;
    }
    if (!is_text(value)) {
        return false;
    }
    SEYIR_TRY(const bool changed, redactor_.redact(value.as_text()));
    if (changed) {
        const Slice clean = arena.copy(redactor_.text());
        value = value.kind() == ValueKind::kBytes ? Value::bytes(clean) : Value::string(clean);
    }
    return changed;
}

Result<bool> RedactFilter::redact_array(Value& value, Arena& arena, int depth) {
    const std::span<const Value> items = value.items();
    Value* copy = nullptr;
    for (size_t i = 0; i < items.size(); ++i) {
        Value item = items[i];
        SEYIR_TRY(const bool changed, redact_value(item, arena, depth + 1));
        if (changed && copy == nullptr) {
            copy = arena.allocate_array<Value>(items.size());
            std::uninitialized_copy(items.begin(), items.end(), copy);
        }
        if (changed) {
            copy[i] = item;
        }
    }
    if (copy != nullptr) {
        value = Value::array({copy, items.size()});
    }
    return copy != nullptr;
}

Result<bool> RedactFilter::redact_map(Value& value, Arena& arena, int depth) {
    const std::span<const ValueMember> members = value.members();
    ValueMember* copy = nullptr;
    for (size_t i = 0; i < members.size(); ++i) {
        ValueMember member = members[i];
        SEYIR_TRY(const bool name_changed, redactor_.redact(member.name));
        if (name_changed) {
            member.name = arena.copy(redactor_.text());
        }
        SEYIR_TRY(const bool value_changed, redact_value(member.value, arena, depth + 1));
        if ((name_changed || value_changed) && copy == nullptr) {
            copy = arena.allocate_array<ValueMember>(members.size());
            std::uninitialized_copy(members.begin(), members.end(), copy);
        }
        if (name_changed || value_changed) {
            copy[i] = member;
        }
    }
    if (copy != nullptr) {
        value = Value::map({copy, members.size()});
    }
    return copy != nullptr;
}

void RedactFilter::count() {
    const std::vector<uint64_t>& counts = redactor_.counts();
    for (size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] != 0) {
            counters_[i]->add(counts[i]);
        }
    }
    redactor_.clear_counts();
}

}  // namespace seyir::plugins::redact
