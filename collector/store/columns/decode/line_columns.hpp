// SPDX-License-Identifier: Apache-2.0
// LineColumns: the columns of a block's lines; each is loaded and decoded when first asked for.
// Room: loaded bytes -> shapes, slot columns, lines by row.
// Threads: one at a time.   Errors: kCorrupt; bytes are never trusted.
// Limits: the DecodeBudget of the context.   Format: docs/format/columns.md
// Ownership: the context's budget and unpacker and the times outlive it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/columns/decode/table_decoder.hpp"
#include "common/base/result.hpp"

namespace seyir::store::columns {

/// A column's checked bytes; kNotFound when the block has none of that number.
using LoadColumn = std::function<Result<std::string>(uint16_t number)>;

Error malformed(std::string_view what);

class LineColumns final : private ColumnSource {
  public:
    /// `times`: of the rows.
    LineColumns(LoadColumn load, DecodeContext context, size_t rows, const TimesSource& times)
        : load_(std::move(load)), context_(context), rows_(rows), times_(times) {}

    LineColumns(const LineColumns&) = delete;
    LineColumns& operator=(const LineColumns&) = delete;

    /// Reads the shapes, once.
    Result<void> open();

    /// After open(): shapes of the rows, but not where their values are.
    const TableHead& head() const { return lines_; }

    /// The same with places.
    Result<const TableHead*> placed_head();

    size_t row_count() const { return rows_; }

    /// The column of a slot.
    Result<const Column*> slot(uint32_t number);

    /// The form of all its values, known without decoding them; nothing when it is decoded.
    std::optional<ScalarForm> form_of(uint32_t number);

    /// Decodes the columns that the chosen rows, or all, have values in.
    Result<void> load_slots(std::optional<std::span<const uint32_t>> chosen);

    /// As Column::write() and Column::text_bytes(). Requires: load_slots() for the row, and room
    /// for line_bytes() or line_bytes_max() of its shape.
    char* write_line(char* to, uint32_t row, RenderLimit& limit) const {
        return lines_.write_row(to, row, limit, ColumnsOf{slots_}, ColumnsAround{nullptr});
    }

    size_t line_bytes(uint32_t row, RenderLimit& limit) const {
        return lines_.row_bytes(row, limit, ColumnsOf{slots_}, ColumnsAround{nullptr});
    }

    /// At least the bytes of any line of a shape. Requires: load_slots() for a row of it.
    size_t line_bytes_max(size_t shape) const;

  private:
    const Column* plain_column(uint32_t number) const override;
    Result<std::string_view> slot_bytes(uint32_t number);

    LoadColumn load_;
    DecodeContext context_;
    size_t rows_;
    const TimesSource& times_;
    bool is_open_ = false;
    TableHead lines_;
    std::string small_;
    std::vector<std::pair<size_t, size_t>> small_places_;  ///< begin and size; size 0: on its own
    std::vector<uint16_t> own_numbers_;
    std::vector<ColumnPtr> slots_;
    std::vector<std::optional<std::string>> own_bytes_;  ///< loaded and not decoded yet
};

}  // namespace seyir::store::columns
