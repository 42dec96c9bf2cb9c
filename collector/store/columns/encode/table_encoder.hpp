// SPDX-License-Identifier: Apache-2.0
// TableEncoder: texts cut into shapes and the values of their slots, one column a slot. The root
// table of a block cuts lines; tables within it cut values.
// Threads: one at a time, for one table of one block.
// Format: docs/format/columns.md, "tables".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/columns/encode/value_encoder.hpp"

namespace seyir::store::columns {

class TableEncoder {
  public:
    struct Column {
        uint32_t plan = 0;  ///< its number in the plan
        std::vector<std::string_view> values;
        std::vector<uint32_t> shapes;  ///< that have it
        bool is_repeated = false;      ///< one of them more than once
    };

    explicit TableEncoder(ValueEncoder& values) : encoder_(values) {}

    void begin(TablePlan& plan, size_t rows);
    ShapeSet::Match add(Mode mode, std::string_view text, KnownTexts known = {});

    /// Shapes, columns and which row has which shape. Numbers of kSame slots are those of `known`.
    void write_head(std::span<const KnownColumn> known, std::string& out);
    /// Bytes of each column, by number. `times` of the rows, may be empty.
    std::vector<std::string> write_columns(
        std::span<const int64_t> times, int depth, bool may_have_dict
    );

    void encode_nested(
        Values values, const EncodeContext& context, TablePlan& plan, std::string& out
    );

    const std::vector<Column>& columns() const { return columns_; }

  private:
    void add_slots(const Shape& shape, const std::string_view* texts);
    void add_repeated(Mode mode, std::string_view text);
    uint32_t number_of_shape(uint32_t shape);
    uint32_t number_of_column(uint32_t column);
    std::vector<uint32_t> order() const;
    std::vector<int64_t> times_of(const Column& column, std::span<const int64_t> times);
    bool is_aligned(const Column& a, const Column& b) const;
    void emit_texts() const;
    void write_texts(const std::vector<std::string_view>& texts, std::string& out);

    ValueEncoder& encoder_;
    TablePlan* plan_ = nullptr;
    std::vector<int64_t> row_shapes_;
    std::vector<std::vector<uint32_t>> rows_of_shape_;  ///< made when times of rows are asked for
    std::vector<uint32_t> shapes_;                      ///< of the plan, by number in the block
    std::vector<uint32_t> shape_number_;
    std::vector<Column> columns_;
    std::vector<uint32_t> column_number_;
    std::vector<std::string_view> slots_;

    /// A text that was cut, by its hash.
    struct Repeated {
        std::string_view text;
        uint32_t number = 0;  ///< of its shape
        size_t slots = 0;     ///< from 1: where its slots' texts begin; 0: nothing here
    };

    std::vector<Repeated> repeated_;
    std::vector<std::string_view> repeated_slots_;
    size_t tries_ = 0;
    size_t hits_ = 0;
};

}  // namespace seyir::store::columns
