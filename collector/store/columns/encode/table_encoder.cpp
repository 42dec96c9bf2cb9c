// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/encode/table_encoder.hpp"

#include <algorithm>
#include <array>

#include <xxhash.h>

#include "collector/store/columns/text/runs.hpp"
#include "collector/store/columns/text/same_text.hpp"

namespace seyir::store::columns {
namespace {

constexpr uint32_t kUnused = UINT32_MAX;
constexpr size_t kRepeatedMax = 512;
constexpr int kHeadLevel = 6;  // little, and read by every query

/// A run of the text goes across an edge of a slot, so no piece has it whole.
bool is_cut_in_run(std::string_view text, const std::vector<std::string_view>& slots) {
    return std::ranges::any_of(slots, [&](std::string_view slot) {
        const auto begin = static_cast<size_t>(slot.data() - text.data());
        return !can_cut(text, begin) || !can_cut(text, begin + slot.size());
    });
}

}  // namespace

void TableEncoder::begin(TablePlan& plan, size_t rows) {
    plan_ = &plan;
    row_shapes_.reserve(rows);
    shape_number_.assign(plan.shapes.shape_count(), kUnused);
    column_number_.assign(plan.shapes.column_count(), kUnused);
}

uint32_t TableEncoder::number_of_shape(uint32_t shape) {
    if (shape >= shape_number_.size()) {
        shape_number_.resize(shape + 1, kUnused);
    }
    uint32_t& number = shape_number_[shape];
    if (number == kUnused) {
        number = static_cast<uint32_t>(shapes_.size());
        shapes_.push_back(shape);
        for (const Slot& slot : plan_->shapes.shape(shape).slots) {
            if (slot.rule != Rule::kSame) {
                Column& column = columns_[number_of_column(slot.column)];
                column.is_repeated = column.is_repeated ||
                                     (!column.shapes.empty() && column.shapes.back() == number);
                column.shapes.push_back(number);
            }
        }
    }
    return number;
}

uint32_t TableEncoder::number_of_column(uint32_t column) {
    if (column >= column_number_.size()) {
        column_number_.resize(column + 1, kUnused);
    }
    uint32_t& number = column_number_[column];
    if (number == kUnused) {
        number = static_cast<uint32_t>(columns_.size());
        columns_.emplace_back().plan = column;
    }
    return number;
}

ShapeSet::Match TableEncoder::add(Mode mode, std::string_view text, KnownTexts known) {
    const ShapeSet::Match match = plan_->shapes.cut(mode, text, known, slots_);
    const uint32_t number = number_of_shape(match.shape);
    row_shapes_.push_back(number);
    const Shape& shape = plan_->shapes.shape(match.shape);
    if (shape.has_open_edges && encoder_.pieces != nullptr && is_cut_in_run(text, slots_)) {
        (*encoder_.pieces)(text);
    }
    add_slots(shape, slots_.data());
    return match;
}

void TableEncoder::add_slots(const Shape& shape, const std::string_view* texts) {
    for (const Slot& slot : shape.slots) {
        if (slot.rule != Rule::kSame) {
            columns_[column_number_[slot.column]].values.push_back(*texts);
        }
        ++texts;
    }
}

/// A value of a nested table. Values repeat, and one that came before need not be cut again: the
/// texts of its slots are the same, and so is what a filter indexes of them.
void TableEncoder::add_repeated(Mode mode, std::string_view text) {
    constexpr size_t kTries = 256;  // after which one in four must have been a repetition
    if (repeated_.empty()) {
        repeated_.resize(kRepeatedMax);
    }
    if (tries_ >= kTries && hits_ * 4 < tries_) {
        add(mode, text);
        return;
    }
    ++tries_;
    Repeated& known = repeated_[XXH3_64bits(text.data(), text.size()) % kRepeatedMax];
    if (known.slots != 0 && is_same(known.text, text)) {
        ++hits_;
        row_shapes_.push_back(known.number);
        add_slots(
            plan_->shapes.shape(shapes_[known.number]), repeated_slots_.data() + (known.slots - 1)
        );
        return;
    }
    add(mode, text);
    known = {text, static_cast<uint32_t>(row_shapes_.back()), repeated_slots_.size() + 1};
    repeated_slots_.insert(repeated_slots_.end(), slots_.begin(), slots_.end());
}

/// Literals of the shapes in use: part of what a filter indexes.
void TableEncoder::emit_texts() const {
    if (encoder_.pieces == nullptr) {
        return;
    }
    for (const uint32_t index : shapes_) {
        const Shape& shape = plan_->shapes.shape(index);
        for (const Slot& slot : shape.slots) {
            (*encoder_.pieces)(shape.literal(slot));
        }
        (*encoder_.pieces)(shape.tail());
    }
}

/// Behind each text a byte that none of them has; sizes if there is no such byte.
void TableEncoder::write_texts(const std::vector<std::string_view>& texts, std::string& out) {
    std::string joined;
    std::string sizes;
    std::array<bool, 256> is_used{};
    for (const std::string_view text : texts) {
        codec::append_varint(sizes, text.size());
        joined += text;
    }
    for (const char c : joined) {
        is_used[static_cast<uint8_t>(c)] = true;
    }
    const auto unused = std::ranges::find(is_used, false);
    if (unused == is_used.end()) {
        out += kWithSizes;
        encoder_.packer.append_sized(out, sizes, kHeadLevel);
        encoder_.packer.append_sized(out, joined, kHeadLevel);
        return;
    }
    const auto end = static_cast<char>(unused - is_used.begin());
    joined.clear();
    for (const std::string_view text : texts) {
        joined += text;
        joined += end;
    }
    out += kWithEnds;
    out += end;
    encoder_.packer.append_sized(out, joined, kHeadLevel);
}

void TableEncoder::write_head(std::span<const KnownColumn> known, std::string& out) {
    emit_texts();
    // Apart, so that texts of shapes that are alike follow each other undisturbed.
    std::string numbers;
    std::string rules;
    std::string places;
    std::vector<std::string_view> texts;
    codec::append_varint(numbers, shapes_.size());
    codec::append_varint(numbers, columns_.size());
    for (const Column& column : columns_) {
        texts.push_back(plan_->shapes.column_name(column.plan));
    }
    uint32_t next_column = 0;
    for (const uint32_t index : shapes_) {
        const Shape& shape = plan_->shapes.shape(index);
        numbers += static_cast<char>(shape.mode);
        codec::append_varint(numbers, shape.slots.size());
        for (const Slot& slot : shape.slots) {
            rules += static_cast<char>(slot.rule);
            texts.push_back(shape.literal(slot));
            if (slot.rule == Rule::kSame) {
                const auto at = std::ranges::find(known, slot.param, &KnownColumn::column);
                codec::append_varint(places, at->number);
                continue;
            }
            // Columns are numbered as shapes first name them: a new one is 0.
            const uint32_t number = column_number_[slot.column];
            codec::append_varint(places, next_column - number);
            next_column += number == next_column ? 1 : 0;
        }
        texts.push_back(shape.tail());
    }
    for (const std::string_view part : {numbers, rules, places}) {
        encoder_.packer.append_sized(out, part, kHeadLevel);
    }
    write_texts(texts, out);
    plan_->shape_transform =
        append_ints(out, row_shapes_, {}, plan_->shape_transform, encoder_.packer);
}

/// Short values first: what longer ones may hold is settled before them.
std::vector<uint32_t> TableEncoder::order() const {
    std::vector<std::pair<double, uint32_t>> sizes;
    for (uint32_t i = 0; i < columns_.size(); ++i) {
        const ColumnPlan& plan = plan_->columns[columns_[i].plan];
        const bool has_known = plan.table != nullptr && !plan.table->known.empty();
        size_t bytes = 0;
        for (const std::string_view value : columns_[i].values) {
            bytes += value.size();
        }
        const double each =
            static_cast<double>(bytes) / static_cast<double>(columns_[i].values.size());
        sizes.emplace_back(has_known ? 1e18 : each, i);
    }
    std::ranges::sort(sizes);
    std::vector<uint32_t> numbers;
    for (const auto& [bytes, number] : sizes) {
        numbers.push_back(number);
    }
    return numbers;
}

/// Times of the rows that the column's values stand in.
std::vector<int64_t> TableEncoder::times_of(const Column& column, std::span<const int64_t> times) {
    if (rows_of_shape_.empty()) {
        rows_of_shape_.resize(shapes_.size());
        for (size_t row = 0; row < row_shapes_.size(); ++row) {
            rows_of_shape_[static_cast<size_t>(row_shapes_[row])].push_back(
                static_cast<uint32_t>(row)
            );
        }
    }
    std::vector<uint32_t> rows;
    rows.reserve(column.values.size());
    for (const uint32_t shape : column.shapes) {  // named twice: its rows have two values
        const auto& more = rows_of_shape_[shape];
        rows.insert(rows.end(), more.begin(), more.end());
    }
    if (column.shapes.size() > 1) {
        std::ranges::sort(rows);
    }
    std::vector<int64_t> own;
    own.reserve(rows.size());
    for (const uint32_t row : rows) {
        own.push_back(times[row]);
    }
    return own;
}

/// Value i of both stands in the same row, whatever i is. The reader asks for the same.
bool TableEncoder::is_aligned(const Column& a, const Column& b) const {
    return !a.is_repeated && !b.is_repeated && a.shapes == b.shapes &&
           a.values.size() == b.values.size();
}

std::vector<std::string> TableEncoder::write_columns(
    std::span<const int64_t> times, int depth, bool may_have_dict
) {
    plan_->columns.resize(plan_->shapes.column_count());
    std::vector<std::string> out(columns_.size());
    std::vector<uint32_t> plain_columns;  // whose values stand alone, encoded already
    std::vector<int64_t> own_times;
    for (const uint32_t number : order()) {
        const Column& column = columns_[number];
        ColumnPlan& plan = plan_->columns[column.plan];
        EncodeContext context;
        context.depth = depth;
        context.may_have_dict = may_have_dict;
        if (column.values.size() == times.size()) {
            context.times = times;
        } else if (!times.empty()) {
            own_times = times_of(column, times);
            context.times = own_times;
        }
        std::vector<KnownColumn> known;
        if (depth == 1) {
            for (const uint32_t other : plain_columns) {
                if (is_aligned(column, columns_[other])) {
                    known.push_back({columns_[other].plan, other, columns_[other].values});
                }
            }
        }
        context.known = known;
        encoder_.encode(column.values, context, plan, out[number]);
        if (plan.table == nullptr || plan.table->known.empty()) {
            plain_columns.push_back(number);
        }
    }
    return out;
}

void TableEncoder::encode_nested(
    Values values, const EncodeContext& context, TablePlan& plan, std::string& out
) {
    if (plan.shapes.is_full()) {
        plan.shapes = {};
        plan.columns.clear();
    }
    begin(plan, values.size());
    std::vector<const KnownColumn*> used;
    for (const uint32_t wanted : plan.known) {
        const auto at = std::ranges::find(context.known, wanted, &KnownColumn::column);
        if (at != context.known.end()) {
            used.push_back(&*at);
        }
    }
    std::vector<std::pair<uint32_t, std::string_view>> known(used.size());
    for (size_t i = 0; i < values.size(); ++i) {
        for (size_t k = 0; k < used.size(); ++k) {
            known[k] = {used[k]->column, used[k]->values[i]};
        }
        if (known.empty()) {
            add_repeated(plan.mode, values[i]);
        } else {
            add(plan.mode, values[i], known);
        }
    }
    out += static_cast<char>(Encoding::kTable);
    write_head(context.known, out);
    for (const std::string& column :
         write_columns(context.times, context.depth + 1, context.may_have_dict)) {
        out += column;
    }
}

}  // namespace seyir::store::columns
