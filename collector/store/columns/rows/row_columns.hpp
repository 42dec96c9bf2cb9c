// SPDX-License-Identifier: Apache-2.0
// What rows have beside their line: time, level, stream, attributes, trace ids, observed time.
// Threads: the encoder's; decoding is pure.   Errors: kCorrupt by way of a failed reader.
// Format: docs/format/columns.md, "rows".
#pragma once

#include <string>
#include <unordered_map>

#include "collector/store/columns/decode/value_decoder.hpp"
#include "collector/store/columns/encode/value_encoder.hpp"
#include "common/record/batch.hpp"

namespace seyir::store::columns {

class RowEncoder {
  public:
    explicit RowEncoder(ValueEncoder& values) : values_(values) {}

    std::string times(const RecordBatch& batch);
    /// "" when no row has a level.
    std::string levels(const RecordBatch& batch);
    std::string rows(const RecordBatch& batch);

  private:
    struct Sets;

    void attributes(const RecordBatch& batch, std::string& out);
    uint32_t set_of(const RecordBatch& batch, AttrRange range, Sets& sets);

    ValueEncoder& values_;
    std::unordered_map<std::string, ColumnPlan> plans_;  // by attribute
};

/// All of a block's rows but for lines, times and levels.
struct DecodedRows {
    struct AttrShape {
        std::vector<uint32_t> columns;
    };

    struct AttrColumn {
        std::string key;
        ValueKind kind = ValueKind::kNull;
        ColumnPtr values;
    };

    std::vector<StreamLabelsPtr> streams;
    std::vector<int64_t> row_stream;
    std::vector<int64_t> row_set;  ///< 0: none
    std::vector<AttrShape> shapes;
    std::vector<AttrColumn> columns;
    std::vector<int64_t> set_shape;
    std::vector<uint32_t> set_first;  ///< in places
    std::vector<uint32_t> places;     ///< value of each attribute of each set, in its column
    std::vector<int64_t> observed;    ///< difference to the time; empty: none
    std::vector<int64_t> row_trace;   ///< 0: none; empty: no row has one
    std::string traces;               ///< 24 bytes each
};

std::vector<int64_t> decode_times(
    std::string_view bytes, size_t rows, const DecodeContext& context
);
std::vector<int64_t> decode_levels(
    std::string_view bytes, size_t rows, const DecodeContext& context
);
Result<DecodedRows> decode_rows(std::string_view bytes, size_t rows, const DecodeContext& context);

/// Appends the attributes of a set to `attrs`; what they hold goes into the batch's arena. False
/// for bytes that make no sense.
bool append_attrs(
    const DecodedRows& rows, size_t set, RecordBatch& batch, std::vector<Attr>& attrs
);

}  // namespace seyir::store::columns
