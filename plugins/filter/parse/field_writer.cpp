// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/field_writer.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "plugins/filter/parse/number.hpp"

namespace seyir::plugins::parse {
namespace {

bool is_text(const Value& value) {
    return value.kind() == ValueKind::kString || value.kind() == ValueKind::kBytes ||
           value.kind() == ValueKind::kNumberText;
}

bool same_word(std::string_view a, std::string_view lower) {
    return std::ranges::equal(a, lower, [](char x, char y) {
        return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
    });
}

/// Names are short: the first eight (or four) bytes and the last are most of them.
bool is_same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) {
        return false;
    }
    if (a.size() < 4 || a.size() > 16) {
        return a == b;
    }
    if (a.size() < 8) {
        uint32_t left[2], right[2];
        std::memcpy(&left[0], a.data(), 4);
        std::memcpy(&left[1], a.data() + a.size() - 4, 4);
        std::memcpy(&right[0], b.data(), 4);
        std::memcpy(&right[1], b.data() + b.size() - 4, 4);
        return left[0] == right[0] && left[1] == right[1];
    }
    uint64_t left[2], right[2];
    std::memcpy(&left[0], a.data(), 8);
    std::memcpy(&left[1], a.data() + a.size() - 8, 8);
    std::memcpy(&right[0], b.data(), 8);
    std::memcpy(&right[1], b.data() + b.size() - 8, 8);
    return left[0] == right[0] && left[1] == right[1];
}

bool to_int(Value& value) {
    switch (value.kind()) {
        case ValueKind::kInt:
            return true;
        case ValueKind::kBool:
            value = Value::integer(value.as_bool() ? 1 : 0);
            return true;
        case ValueKind::kDouble: {
            const double d = value.as_double();
            if (!(d >= -9.2e18 && d <= 9.2e18)) {
                return false;
            }
            value = Value::integer(static_cast<int64_t>(d));
            return true;
        }
        case ValueKind::kString:
        case ValueKind::kBytes: {
            const auto number = parse_int(value.as_text());
            if (number) {
                value = Value::integer(*number);
            }
            return number.has_value();
        }
        default:
            return false;
    }
}

bool to_float(Value& value) {
    if (value.kind() == ValueKind::kDouble) {
        return true;
    }
    if (value.kind() == ValueKind::kInt) {
        value = Value::real(static_cast<double>(value.as_int()));
        return true;
    }
    const auto number = is_text(value) ? parse_float(value.as_text()) : std::nullopt;
    if (number) {
        value = Value::real(*number);
    }
    return number.has_value();
}

bool to_bool(Value& value) {
    if (value.kind() == ValueKind::kBool) {
        return true;
    }
    if (value.kind() == ValueKind::kInt) {
        value = Value::boolean(value.as_int() != 0);
        return true;
    }
    if (!is_text(value)) {
        return false;
    }
    for (const std::string_view word : {"true", "yes", "on", "1"}) {
        if (same_word(value.as_text(), word)) {
            value = Value::boolean(true);
            return true;
        }
    }
    for (const std::string_view word : {"false", "no", "off", "0"}) {
        if (same_word(value.as_text(), word)) {
            value = Value::boolean(false);
            return true;
        }
    }
    return false;
}

}  // namespace

uint64_t FieldWriter::next_epoch() {
    static std::atomic<uint64_t> last{0};
    return ++last;
}

FieldWriter::FieldWriter(FieldRules rules) : rules_(std::move(rules)) {}

void FieldWriter::begin_batch(RecordBatch& batch) {
    batch_ = &batch;
    // Batches of one source are alike; growing step by step would copy what is there each time.
    batch.reserve_attrs(std::min<size_t>(attrs_.size(), 64) * batch.row_count());
    ++batch_number_;
    if (names_.size() > rules_.limits.names_max / 2) {
        // Names of long ago must not use up what a batch may have.
        by_text_.clear();
        names_.clear();
        epoch_ = next_epoch();
        expected_.clear();
    }
    batch_keys_.clear();
    seen_in_row_.clear();
    row_number_ = 0;
}

void FieldWriter::begin_row(std::span<const Attr> existing) {
    attrs_.assign(existing.begin(), existing.end());
    existing_ = existing.size();
    place_ = 0;
    roles_found_ = 0;
    ++row_number_;
    for (const Attr& attr : existing) {
        if (attr.key >= seen_in_row_.size()) {
            seen_in_row_.resize(std::max<size_t>(attr.key + 1, batch_->keys().size()));
        }
        seen_in_row_[attr.key] = row_number_;
    }
}

ParsedName* FieldWriter::resolve(std::string_view name) {
    uint32_t index;
    if (place_ < expected_.size() && is_same(names_[expected_[place_]]->text, name)) {
        index = expected_[place_];
    } else {
        index = find_name(name);
        if (index == kNoName) {
            lose(FieldLoss::kTooManyNames);
            return nullptr;
        }
        if (place_ == expected_.size()) {
            expected_.push_back(index);
        } else {
            expected_[place_] = index;
        }
    }
    // Beyond the limit of attributes places no longer tell anything.
    place_ += place_ < rules_.limits.attributes_max ? 1 : 0;
    return names_[index].get();
}

ParsedName* FieldWriter::resolve(FixedName& name) {
    if (name.epoch_ != epoch_) {
        const uint32_t index = find_name(name.text_);
        if (index == kNoName) {
            lose(FieldLoss::kTooManyNames);
            return nullptr;
        }
        name.known_ = names_[index].get();
        name.epoch_ = epoch_;
    }
    return name.known_;
}

void FieldWriter::add(std::string_view name, Value value) {
    if (ParsedName* const known = resolve(name)) {
        put(*known, value);
    }
}

void FieldWriter::add(FixedName& name, Value value) {
    if (ParsedName* const known = resolve(name)) {
        put(*known, value);
    }
}

void FieldWriter::add_text(std::string_view name, Slice text) {
    if (ParsedName* const known = resolve(name)) {
        put_text(*known, text);
    }
}

void FieldWriter::add_text(FixedName& name, Slice text) {
    if (ParsedName* const known = resolve(name)) {
        put_text(*known, text);
    }
}

void FieldWriter::put_text(ParsedName& known, Slice text) {
    // Most fields: the value is made in its place, as a copy of one just made waits for its stores.
    if (known.is_plain && known.batch == batch_number_ && seen_in_row_[known.key] != row_number_ &&
        text.size() <= rules_.limits.value_bytes_max &&
        attrs_.size() < rules_.limits.attributes_max) {
        seen_in_row_[known.key] = row_number_;
        attrs_.emplace_back(known.key, Value::string(text), known.is_parsed);
        return;
    }
    put(known, Value::string(text));
}

void FieldWriter::put(ParsedName& known, Value value) {
    if (!known.is_usable) {
        return lose(known.loss);
    }
    if (known.batch != batch_number_) {
        bind_key(known);
    }
    if (seen_in_row_[known.key] == row_number_) {
        return lose(FieldLoss::kDuplicate);
    }
    if (known.type != FieldType::kAsIs && !convert(value, known.type)) {
        lose(FieldLoss::kNotConverted);
    }
    for (size_t i = 0; known.roles >> i != 0; ++i) {
        if ((known.roles >> i & 1U) != 0) {
            role_values_[i] = value;
            roles_found_ |= static_cast<uint8_t>(1U << i);
        }
    }
    if (is_text(value) && value.as_text().size() > rules_.limits.value_bytes_max) {
        return lose(FieldLoss::kValueTooLong);
    }
    push(known.key, known.is_parsed, value);
}

void FieldWriter::push(KeyIndex key, bool is_parsed, Value value) {
    if (attrs_.size() >= rules_.limits.attributes_max) {
        return lose(FieldLoss::kTooMany);
    }
    seen_in_row_[key] = row_number_;
    attrs_.emplace_back(key, value, is_parsed);
}

void FieldWriter::back_to(Mark mark) {
    for (size_t i = mark.attrs; i < attrs_.size(); ++i) {
        seen_in_row_[attrs_[i].key] = 0;
    }
    attrs_.resize(mark.attrs);
    place_ = mark.place;
    roles_found_ = mark.roles_found;
}

const Value* FieldWriter::find(std::string_view name) const {
    const auto known = by_text_.find(name);
    if (known == by_text_.end() || names_[known->second]->batch != batch_number_) {
        return nullptr;
    }
    for (size_t i = existing_; i < attrs_.size(); ++i) {
        if (attrs_[i].key == names_[known->second]->key) {
            return &attrs_[i].value;
        }
    }
    return nullptr;
}

void FieldWriter::add_kept(std::string_view name, Value value) {
    const KeyIndex key = batch_->add_key(name);
    if (key >= seen_in_row_.size()) {
        seen_in_row_.resize(key + 1);
    }
    if (seen_in_row_[key] != row_number_) {
        push(key, false, value);
    }
}

std::array<uint64_t, kFieldLossNames.size()> FieldWriter::take_losses() {
    return std::exchange(losses_, {});
}

uint32_t FieldWriter::find_name(std::string_view name) {
    const auto known = by_text_.find(name);
    return known != by_text_.end() ? known->second : make_name(name);
}

uint32_t FieldWriter::make_name(std::string_view name) {
    if (names_.size() >= rules_.limits.names_max) {
        return kNoName;
    }
    auto made = std::make_unique<ParsedName>();
    made->text = name;
    made->is_parsed =
        !rules_.promote_all && std::ranges::find(rules_.promote, name) == rules_.promote.end();
    for (size_t i = 0; i < kRoleCount; ++i) {
        if (!rules_.roles[i].empty() && rules_.roles[i] == name) {
            made->roles |= static_cast<uint8_t>(1U << i);
        }
    }
    for (const auto& [typed, type] : rules_.types) {
        if (typed == name) {
            made->type = type;
        }
    }
    if (rules_.prefix.size() + name.size() > rules_.limits.name_bytes_max) {
        made->is_usable = false;
        made->loss = FieldLoss::kNameTooLong;
    } else if (name.empty()) {
        made->is_usable = false;
        made->loss = FieldLoss::kNameEmpty;
    }
    made->is_plain = made->is_usable && made->roles == 0 && made->type == FieldType::kAsIs;
    const auto index = static_cast<uint32_t>(names_.size());
    by_text_.emplace(made->text, index);
    names_.push_back(std::move(made));
    return index;
}

void FieldWriter::bind_key(ParsedName& name) {
    if (batch_keys_.empty()) {
        const auto& keys = batch_->keys();
        for (KeyIndex i = 0; i < keys.size(); ++i) {
            batch_keys_.emplace(keys[i], i);
        }
    }
    const std::string full = rules_.prefix + name.text;
    const auto known = batch_keys_.find(full);
    if (known != batch_keys_.end()) {
        name.key = known->second;
    } else {
        name.key = batch_->add_new_key(full);
        batch_keys_.emplace(batch_->keys()[name.key], name.key);
    }
    name.batch = batch_number_;
    if (name.key >= seen_in_row_.size()) {
        seen_in_row_.resize(name.key + 16);
    }
}

bool FieldWriter::convert(Value& value, FieldType type) {
    switch (type) {
        case FieldType::kInt:
            return to_int(value);
        case FieldType::kFloat:
            return to_float(value);
        case FieldType::kBool:
            return to_bool(value);
        case FieldType::kString:
            if (!is_text(value)) {
                value = Value::string(arena().copy(value.to_text()));
            } else if (value.kind() == ValueKind::kNumberText) {
                value = Value::string(value.as_text());
            }
            return true;
        case FieldType::kAsIs:
            return true;
    }
    return true;
}

}  // namespace seyir::plugins::parse
