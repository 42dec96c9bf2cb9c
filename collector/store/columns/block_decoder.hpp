// SPDX-License-Identifier: Apache-2.0
// BlockDecoder: rows of a block from its columns: all of them or some, or the values of one field
// without any line. Columns are asked for only when they are needed.
// Room: columns' bytes -> RecordBatch, field values.
// Threads: one at a time.   Errors: kCorrupt; bytes are never trusted.
// Limits: DecodeBudget; lines of at most `raw_bytes` together, as the block's header says.
// Format: docs/format/columns.md
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collector/store/columns/block_encoder.hpp"
#include "collector/store/columns/decode/field_values.hpp"
#include "collector/store/columns/decode/line_columns.hpp"
#include "collector/store/line_wants.hpp"
#include "common/base/result.hpp"
#include "common/record/batch.hpp"

namespace seyir::store::columns {

struct BlockShape {
    uint32_t rows = 0;
    uint64_t raw_bytes = 0;  ///< bodies and one terminator each
    TenantId tenant = TenantId::kDefault;
};

class BlockDecoder final : private TimesSource {
  public:
    BlockDecoder(BlockShape shape, LoadColumn load);

    BlockDecoder(const BlockDecoder&) = delete;
    BlockDecoder& operator=(const BlockDecoder&) = delete;

    /// Decodes streams, what a choice of rows is made by first.
    Result<void> open();

    /// By row; decoded when they are asked for first.
    Result<std::span<const int64_t>> times() const;

    /// After open(), by row.
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
    std::vector<int64_t> times(DecodeBudget& budget) const override;

    BlockShape shape_;
    LoadColumn load_;
    mutable DecodeBudget budget_;
    mutable Unpacker unpacker_;
    mutable std::vector<int64_t> times_;
    DecodedRows parts_;
    LineColumns lines_;
};

}  // namespace seyir::store::columns
