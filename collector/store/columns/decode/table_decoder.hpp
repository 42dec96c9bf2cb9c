// SPDX-License-Identifier: Apache-2.0
// TableHead: shapes of a table and which row has which; where in its columns a row's slots lie.
// Threads: immutable once read.   Errors: a failed reader.   Limits: as value_decoder.hpp.
// Format: docs/format/columns.md, "tables".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/columns/decode/value_decoder.hpp"
#include "collector/store/columns/slot/put_text.hpp"

namespace seyir::store::columns {

struct TableHead {
    struct Slot {
        std::string_view literal;
        Rule rule = Rule::kRest;
        uint32_t column = 0;
    };

    struct Shape {
        Mode mode = Mode::kWhole;
        std::vector<Slot> slots;
        std::string_view tail;
    };

    std::string text;  ///< what the views point into
    std::vector<Shape> shapes;
    std::vector<std::string_view> names;  ///< of the columns
    std::vector<int64_t> row_shapes;
    std::vector<uint32_t> counts;       ///< values of each column
    std::vector<uint64_t> signatures;   ///< which shapes have a column; 0: one has it twice
    std::vector<uint32_t> first_place;  ///< of a row, in places
    std::vector<uint32_t> places;       ///< of each slot of each row: which value of its column

    TableHead() = default;
    TableHead(const TableHead&) = delete;
    TableHead& operator=(const TableHead&) = delete;

    const Shape& shape_of(size_t row) const { return shapes[static_cast<size_t>(row_shapes[row])]; }

    /// Row of each value of a column.
    std::vector<uint32_t> rows_of(uint32_t column) const;

    /// Value i of both stands in the same row.
    bool is_aligned(uint32_t a, uint32_t b) const {
        return a < counts.size() && b < counts.size() && counts[a] == counts[b] &&
               signatures[a] == signatures[b] && signatures[a] != 0;
    }

    /// The text of a row, as Column::write(); `column(number)` gives a column, `same(number)` one
    /// of the table around.
    template <class ColumnOf, class SameOf>
    char* write_row(char* to, size_t row, RenderLimit& limit, ColumnOf&& column, SameOf&& same)
        const {
        const bool is_good =
            for_each_value(row, limit, column, same, [&](const Slot& slot, auto from, size_t at) {
                to = from->write(put_text(to, slot.literal), at, limit);
                return to != nullptr;
            });
        return is_good ? put_text(to, shape_of(row).tail) : nullptr;
    }

    /// Of that text, as Column::text_bytes().
    template <class ColumnOf, class SameOf>
    size_t row_bytes(size_t row, RenderLimit& limit, ColumnOf&& column, SameOf&& same) const {
        size_t bytes = shape_of(row).tail.size();
        const bool is_good =
            for_each_value(row, limit, column, same, [&](const Slot& slot, auto from, size_t at) {
                bytes = add_bytes(bytes, slot.literal.size() + from->text_bytes(at, limit));
                return bytes < kTooManyBytes;
            });
        return is_good ? bytes : kTooManyBytes;
    }

  private:
    /// False where `fn` says so, where a column lacks the value, or beyond the limit.
    template <class ColumnOf, class SameOf, class Fn>
    bool for_each_value(size_t row, RenderLimit& limit, ColumnOf& column, SameOf& same, Fn&& fn)
        const {
        const Shape& shape = shape_of(row);
        const uint32_t* place = places.data() + first_place[row];
        if (limit.steps < shape.slots.size() + 1) {
            return false;
        }
        limit.steps -= shape.slots.size() + 1;
        for (const Slot& slot : shape.slots) {
            const Column* from = slot.rule == Rule::kSame ? same(slot.column) : column(slot.column);
            const size_t at = slot.rule == Rule::kSame ? row : *place++;
            if (from == nullptr || at >= from->count() || !fn(slot, from, at)) {
                return false;
            }
        }
        return true;
    }
};

/// Times of a column's values, from those of the rows.
class ColumnTimes final : public TimesSource {
  public:
    ColumnTimes(const TableHead& head, uint32_t column, const TimesSource* rows)
        : head_(head), column_(column), rows_(rows) {}

    std::vector<int64_t> times(DecodeBudget& budget) const override;

  private:
    const TableHead& head_;
    uint32_t column_;
    const TimesSource* rows_;
};

/// `rows` rows; false when the reader failed. Without `has_places` these are left for place_rows().
bool read_table_head(
    codec::Reader& reader,
    size_t rows,
    const DecodeContext& context,
    TableHead& head,
    bool has_places = true
);

/// Says where the rows' values are in their columns. False beyond the budget.
bool place_rows(const DecodeContext& context, TableHead& head);

}  // namespace seyir::store::columns
