// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/table_decoder.hpp"

#include <algorithm>
#include <optional>

namespace seyir::store::columns {
namespace {

constexpr size_t kHeadBytesMax = 16 * 1024 * 1024;

/// What a head consists of.
struct HeadParts {
    codec::Reader numbers;
    codec::Reader rules;
    codec::Reader places;
    codec::Reader text;
    codec::Reader sizes;  ///< unused when texts have ends
    std::optional<char> end;
    uint64_t next_column = 0;

    std::string_view next_text() {
        if (!end) {
            return text.bytes(sizes.varint());
        }
        const std::string_view rest(text.at(), text.left());
        const size_t size = rest.find(*end);
        if (size == std::string_view::npos) {
            text.give_up();
            return {};
        }
        text.advance_to(text.at() + size + 1);
        return rest.substr(0, size);
    }

    uint32_t next_place(Rule rule) {
        const uint64_t place = places.varint_up_to(UINT32_MAX);
        if (rule == Rule::kSame) {
            return static_cast<uint32_t>(place);
        }
        if (place > next_column) {
            places.give_up();
            return 0;
        }
        const auto number = static_cast<uint32_t>(next_column - place);
        next_column += place == 0 ? 1 : 0;
        return number;
    }

    bool ok() const { return numbers.ok() && rules.ok() && places.ok() && text.ok() && sizes.ok(); }

    bool is_at_end() const {
        return numbers.left() == 0 && rules.left() == 0 && places.left() == 0 && text.left() == 0 &&
               sizes.left() == 0;
    }
};

TableHead::Shape read_shape(HeadParts& parts, size_t columns) {
    TableHead::Shape shape;
    shape.mode = static_cast<Mode>(parts.numbers.u8());
    const uint64_t slots = parts.numbers.varint_up_to(kSlotsMax + 1);
    shape.slots.reserve(slots);
    for (uint64_t i = 0; i < slots && parts.ok(); ++i) {
        TableHead::Slot slot;
        slot.rule = static_cast<Rule>(parts.rules.u8());
        slot.column = parts.next_place(slot.rule);
        slot.literal = parts.next_text();
        if (slot.rule > Rule::kSame || (slot.rule != Rule::kSame && slot.column >= columns)) {
            parts.numbers.give_up();
        }
        shape.slots.push_back(slot);
    }
    shape.tail = parts.next_text();
    return shape;
}

bool read_shapes(HeadParts& parts, TableHead& head) {
    const uint64_t shapes = parts.numbers.varint_up_to(kShapesMax + 1);
    const uint64_t columns = parts.numbers.varint_up_to(kColumnsMax + kSlotsMax + 1);
    for (uint64_t i = 0; i < columns && parts.ok(); ++i) {
        head.names.push_back(parts.next_text());
    }
    for (uint64_t i = 0; i < shapes && parts.ok(); ++i) {
        head.shapes.push_back(read_shape(parts, columns));
    }
    if (!parts.ok()) {
        return false;
    }
    head.counts.assign(columns, 0);
    return parts.is_at_end();
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

/// How many values each column has.
bool count_values(TableHead& head) {
    std::vector<uint32_t> rows(head.shapes.size(), 0);
    for (const int64_t number : head.row_shapes) {
        if (number < 0 || static_cast<size_t>(number) >= head.shapes.size()) {
            return false;
        }
        ++rows[static_cast<size_t>(number)];
    }
    for (size_t i = 0; i < rows.size(); ++i) {
        for (const TableHead::Slot& slot : head.shapes[i].slots) {
            if (slot.rule != Rule::kSame) {
                head.counts[slot.column] += rows[i];
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

bool place_rows(const DecodeContext& context, TableHead& head) {
    std::vector<uint32_t> next(head.counts.size(), 0);
    uint64_t values = head.row_shapes.size();
    for (const uint32_t count : head.counts) {
        values += count;
    }
    if (!context.budget->take_values(values)) {
        return false;
    }
    // The columns of the shapes one behind the other: this goes over every value of a block.
    std::vector<uint32_t> columns;
    std::vector<uint32_t> first_column{0};
    for (const TableHead::Shape& shape : head.shapes) {
        for (const TableHead::Slot& slot : shape.slots) {
            if (slot.rule != Rule::kSame) {
                columns.push_back(slot.column);
            }
        }
        first_column.push_back(static_cast<uint32_t>(columns.size()));
    }
    head.first_place.resize(head.row_shapes.size());
    head.places.resize(values - head.row_shapes.size());
    uint32_t at = 0;
    for (size_t row = 0; row < head.row_shapes.size(); ++row) {
        const auto number = static_cast<size_t>(head.row_shapes[row]);
        head.first_place[row] = at;
        for (uint32_t i = first_column[number]; i < first_column[number + 1]; ++i) {
            head.places[at++] = next[columns[i]]++;
        }
    }
    return true;
}

bool read_table_head(
    codec::Reader& reader,
    size_t rows,
    const DecodeContext& context,
    TableHead& head,
    bool has_places
) {
    const auto unpack = [&](std::string& keep) {
        const auto bytes_max = std::min<uint64_t>(kHeadBytesMax, context.budget->text_bytes);
        const std::string_view bytes = context.unpacker->read_sized(reader, bytes_max, keep);
        if (!reader.ok() || !context.budget->take_text(bytes.size())) {
            reader.give_up();
            return std::string_view();
        }
        return bytes;
    };
    std::string keep[5];
    const std::string_view numbers = unpack(keep[0]);
    const std::string_view rules = unpack(keep[1]);
    const std::string_view places = unpack(keep[2]);
    const auto how = static_cast<char>(reader.u8());
    std::optional<char> end;
    std::string_view sizes;
    if (how == kWithEnds) {
        end = static_cast<char>(reader.u8());
    } else {
        sizes = unpack(keep[3]);
    }
    head.text = unpack(keep[4]);
    if (!reader.ok() || (how != kWithEnds && how != kWithSizes)) {
        reader.give_up();
        return false;
    }
    HeadParts parts{
        codec::Reader(numbers),
        codec::Reader(rules),
        codec::Reader(places),
        codec::Reader(head.text),
        codec::Reader(sizes),
        end
    };
    if (!read_shapes(parts, head)) {
        reader.give_up();
        return false;
    }
    read_ints(reader, rows, {}, *context.unpacker, head.row_shapes);
    if (!reader.ok() || !count_values(head) || (has_places && !place_rows(context, head))) {
        reader.give_up();
        return false;
    }
    sign_columns(head);
    return true;
}

}  // namespace seyir::store::columns
