// SPDX-License-Identifier: Apache-2.0
// BlockDecoder: rows of a block from its columns: all of them or some, or the values of one field
// without any line. Columns are asked for only when they are needed.
// Room: columns' bytes -> RecordBatch, field values.
// Threads: one at a time.   Errors: kCorrupt; bytes are never trusted.
// Limits: DecodeBudget; lines of at most `raw_bytes` together, as the block's header says.
// Format: docs/format/columns.md
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collector/store/columns/block_encoder.hpp"
#include "collector/store/columns/decode/table_decoder.hpp"
#include "collector/store/columns/decode/text_match.hpp"
#include "collector/store/line_wants.hpp"
#include "common/base/result.hpp"
#include "common/record/batch.hpp"

namespace seyir::store::columns {

/// A column's checked bytes; kNotFound when the block has none of that number.
using LoadColumn = std::function<Result<std::string>(uint16_t number)>;

struct BlockShape {
    uint32_t rows = 0;
    uint64_t raw_bytes = 0;  ///< bodies and one terminator each
    TenantId tenant = TenantId::kDefault;
};

/// Values of one field, a row each.
struct FieldValues {
    enum class State : uint8_t {
        kAbsent,   ///< the line is read as JSON or logfmt and has no such field
        kText,     ///< of a string, without its quotes; holds no escape
        kScalar,   ///< number, true, false or null as written
        kUnknown,  ///< only the whole line tells: another format, escapes, the name twice
    };

    std::string text;
    std::vector<State> states;
    std::vector<uint32_t> ends;  ///< in text, one past each row's value

    std::string_view value(size_t row) const {
        const uint32_t begin = row == 0 ? 0 : ends[row - 1];
        return std::string_view(text).substr(begin, ends[row] - begin);
    }
};

class BlockDecoder final : private ColumnSource {
  public:
    BlockDecoder(BlockShape shape, LoadColumn load);

    /// Decodes times and streams, what a choice of rows is made by.
    Result<void> open();

    /// After open(), by row.
    std::span<const int64_t> times() const { return times_; }

    std::span<const int64_t> row_streams() const { return parts_.row_stream; }

    const std::vector<StreamLabelsPtr>& streams() const { return parts_.streams; }

    /// Levels by row; empty when no row has one.
    Result<std::vector<int64_t>> levels();

    /// A batch of those rows only (ascending numbers), or of all.
    Result<std::shared_ptr<RecordBatch>> rows(std::optional<std::span<const uint32_t>> chosen);

    /// Rows of a page: lines only where they are wanted.
    struct Wanted {
        std::shared_ptr<RecordBatch> batch;
        std::shared_ptr<const LineValues> values;  ///< null: all rows have their line
        std::vector<uint32_t> rows;                ///< with values: of the block
    };

    /// Those rows, or all, that may pass the tests.
    Result<Wanted> rows(std::optional<std::span<const uint32_t>> chosen, const LineWants& wants);

    /// `path`: names from the outermost object in, or one logfmt key.
    Result<FieldValues> field_values(std::span<const std::string_view> path);

  private:
    struct Filled;

    Result<Verdicts> match_lines(const std::string& text, bool any_case);
    Result<Verdicts> match_lines(const Needle& needle);
    Result<Verdicts> match_lines(const LineTest& test);
    Result<void> test_lines(
        const std::vector<LineTest>& tests,
        std::vector<uint32_t>& chosen,
        std::vector<uint8_t>& is_sure
    );
    const Column* plain_column(uint32_t number) const override;
    Result<void> open_lines();
    Result<const Column*> slot(uint32_t number);
    Result<std::string_view> slot_bytes(uint32_t number);
    Result<void> load_slots(std::optional<std::span<const uint32_t>> chosen);
    Result<void> append_rows(
        std::optional<std::span<const uint32_t>> chosen,
        std::span<const uint8_t> has_line,
        RecordBatch& batch
    );
    Result<std::shared_ptr<RecordBatch>> make_batch(
        std::optional<std::span<const uint32_t>> chosen, std::span<const uint8_t> has_line
    );
    Result<std::string> load(uint16_t number, bool may_lack = false) const;
    DecodeContext context() const;

    BlockShape shape_;
    LoadColumn load_;
    mutable DecodeBudget budget_;
    mutable Unpacker unpacker_;
    std::vector<int64_t> times_;
    DecodedRows parts_;
    bool has_lines_ = false;
    TableHead lines_;
    std::string small_;
    std::vector<std::pair<size_t, size_t>> small_places_;  ///< begin and size; size 0: on its own
    std::vector<uint16_t> own_numbers_;
    std::vector<ColumnPtr> slots_;
    std::vector<std::optional<std::string>> own_bytes_;  ///< loaded and not decoded yet
};

/// The rows of `encoded` are those of `batch`, byte for byte.
Result<void> verify(const EncodedBlock& encoded, const RecordBatch& batch);

}  // namespace seyir::store::columns
