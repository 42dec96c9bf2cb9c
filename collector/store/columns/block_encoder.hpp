// SPDX-License-Identifier: Apache-2.0
// BlockEncoder: rows as columns. It keeps what it learned of streams (how their lines are cut, how
// slots are coded) from block to block.
// Room: RecordBatch -> EncodedBlock.
// Threads: one at a time.   Limits: rows and bytes are bounded by whoever builds blocks; plans and
// shapes are forgotten when they have grown to their limits.
// Errors: none of its own; verify() says whether a block reads back as what it was.
// Format: docs/format/columns.md
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "collector/store/columns/encode/table_encoder.hpp"
#include "collector/store/columns/encode/value_encoder.hpp"
#include "collector/store/columns/rows/row_columns.hpp"
#include "common/base/result.hpp"
#include "common/record/batch.hpp"

namespace seyir::store::columns {

/// On disk: never renumber. Slots of lines that need a column of their own follow kFirstSlot.
enum ColumnNumber : uint16_t {
    kTimes = 2,
    kLevels = 3,
    kRowParts = 4,
    kLines = 16,
    kSmallSlots = 17,
    kFirstSlot = 32,
};

struct EncodedColumn {
    uint16_t number = 0;
    std::string bytes;
};

struct EncodedBlock {
    std::vector<EncodedColumn> columns;  ///< ascending by number

    size_t stored_bytes() const;
};

class BlockEncoder {
  public:
    BlockEncoder();

    /// Requires: rows. Attributes with is_parsed are left out. `pieces` gets what a filter has to
    /// index (distinct_values.hpp); may be null.
    EncodedBlock encode(const RecordBatch& batch, PieceSink* pieces = nullptr);

    /// How lines of the stream are cut; kWhole before the first block.
    Mode mode_of(StreamFingerprint stream) const;

  private:
    struct StreamState {
        Mode mode = Mode::kWhole;
        bool is_decided = false;
        uint32_t blocks = 0;       ///< since it was decided
        uint32_t retry_after = 1;  ///< blocks; doubles when deciding anew changed nothing
        uint32_t rows = 0;         ///< in the block at hand
        uint32_t misses = 0;       ///< of them with a shape never seen, or none
    };

    void encode_lines(const RecordBatch& batch, EncodedBlock& out);
    void decide_mode(const RecordBatch& batch, uint16_t stream, StreamState& state);
    size_t size_in(Mode mode, const std::vector<std::string_view>& lines);
    void settle(StreamState& state);

    ValueEncoder values_;
    RowEncoder rows_;
    TablePlan lines_;
    std::map<StreamFingerprint, StreamState> streams_;
};

}  // namespace seyir::store::columns
