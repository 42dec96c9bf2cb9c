// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/table_decoder.hpp"

#include <algorithm>

namespace seyir::store::columns {
namespace {

constexpr size_t kHeadBytesMax = 16 * 1024 * 1024;

TableHead::Shape read_shape(codec::Reader& reader, size_t columns) {
    TableHead::Shape shape;
    shape.mode = static_cast<Mode>(reader.u8());
    const uint64_t slots = reader.varint_up_to(kSlotsMax + 1);
    shape.slots.reserve(slots);
    for (uint64_t i = 0; i < slots && reader.ok(); ++i) {
        TableHead::Slot slot;
        slot.rule = static_cast<Rule>(reader.u8());
        slot.column = static_cast<uint32_t>(reader.varint_up_to(UINT32_MAX));
        slot.literal = reader.text(reader.left());
        if (slot.rule > Rule::kSame || (slot.rule != Rule::kSame && slot.column >= columns)) {
            reader.give_up();
        }
        shape.slots.push_back(slot);
    }
    shape.tail = reader.text(reader.left());
    return shape;
}

bool read_shapes(std::string_view text, TableHead& head) {
    codec::Reader reader(text);
    const uint64_t shapes = reader.varint_up_to(kShapesMax + 1);
    const uint64_t columns = reader.varint_up_to(kColumnsMax + kSlotsMax + 1);
    for (uint64_t i = 0; i < columns && reader.ok(); ++i) {
        head.names.push_back(reader.text(reader.left()));
    }
    for (uint64_t i = 0; i < shapes && reader.ok(); ++i) {
        head.shapes.push_back(read_shape(reader, columns));
    }
    head.counts.assign(columns, 0);
    return reader.ok() && reader.left() == 0;
}

void sign_columns(TableHead& head) {
    constexpr uint64_t kPrime = 0x9e3779b97f4a7c15;
    std::vector<uint32_t> last(head.counts.size(), UINT32_MAX);
    head.signatures.assign(head.counts.size(), 1);
    for (uint32_t number = 0; number < head.shapes.size(); ++number) {
        for (const TableHead::Slot& slot : head.shapes[number].slots) {
            if (slot.rule == Rule::kSame) {
                continue;
            }
            uint64_t& signature = head.signatures[slot.column];
            const bool is_twice = last[slot.column] == number || signature == 0;
            signature = is_twice ? 0 : (signature ^ (number + 1)) * kPrime | 1;
            last[slot.column] = number;
        }
    }
}

/// Values in the rows, column by column.
bool place_rows(const DecodeContext& context, TableHead& head) {
    head.first_place.reserve(head.row_shapes.size());
    for (const int64_t number : head.row_shapes) {
        if (number < 0 || static_cast<size_t>(number) >= head.shapes.size()) {
            return false;
        }
        const auto& slots = head.shapes[static_cast<size_t>(number)].slots;
        if (!context.budget->take_values(slots.size() + 1)) {
            return false;
        }
        head.first_place.push_back(static_cast<uint32_t>(head.places.size()));
        for (const TableHead::Slot& slot : slots) {
            if (slot.rule != Rule::kSame) {
                head.places.push_back(head.counts[slot.column]++);
            }
        }
    }
    return true;
}

}  // namespace

std::vector<uint32_t> TableHead::rows_of(uint32_t column) const {
    std::vector<uint32_t> rows;
    rows.reserve(counts[column]);
    for (uint32_t row = 0; row < row_shapes.size(); ++row) {
        for (const Slot& slot : shape_of(row).slots) {
            if (slot.rule != Rule::kSame && slot.column == column) {
                rows.push_back(row);
            }
        }
    }
    return rows;
}

std::vector<int64_t> ColumnTimes::times(DecodeBudget& budget) const {
    std::vector<int64_t> times;
    if (rows_ == nullptr || !budget.take_values(head_.places.size() + head_.row_shapes.size())) {
        return times;
    }
    const std::vector<int64_t> of_rows = rows_->times(budget);
    if (of_rows.size() != head_.row_shapes.size()) {
        return times;
    }
    for (const uint32_t row : head_.rows_of(column_)) {
        times.push_back(of_rows[row]);
    }
    return times;
}

bool read_table_head(
    codec::Reader& reader, size_t rows, const DecodeContext& context, TableHead& head
) {
    std::string keep;
    const std::string_view text = context.unpacker->read_sized(
        reader, std::min<uint64_t>(kHeadBytesMax, context.budget->text_bytes), keep
    );
    if (!reader.ok() || !context.budget->take_text(text.size())) {
        reader.give_up();
        return false;
    }
    head.text = text;
    if (!read_shapes(head.text, head)) {
        reader.give_up();
        return false;
    }
    read_ints(reader, rows, {}, *context.unpacker, head.row_shapes);
    if (!reader.ok() || !place_rows(context, head)) {
        reader.give_up();
        return false;
    }
    sign_columns(head);
    return true;
}

}  // namespace seyir::store::columns
