// SPDX-License-Identifier: Apache-2.0
// SegmentWriter: writes one segment file: blocks of one tenant and one day. The file exists under
// its name only once it is whole and on stable storage.
// Room: sorted rows -> blocks -> an SST file. It counts only once the catalogue names it.
// Threads: one at a time.   Errors: kIo, kNoSpace, kTooLarge.   Limits: 2^32 blocks.
// Ownership: the temporary file is removed unless finish() succeeded.
// Format: docs/format/segment.md
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <rocksdb/env.h>

#include "collector/store/columns/block_encoder.hpp"
#include "collector/store/format/block_header.hpp"
#include "collector/store/format/catalogue_rows.hpp"
#include "collector/store/gram/segment_filter.hpp"
#include "common/base/result.hpp"
#include "common/io/file_system.hpp"
#include "common/record/batch_codec.hpp"

namespace seyir::store {

/// Where segments are written and read.
struct SegmentFiles {
    io::FileSystem* fs = nullptr;
    std::shared_ptr<rocksdb::Env> env;  ///< null: RocksDB's own
    std::string path;                   ///< the segments folder
};

struct FinishedSegment {
    SegmentSummary summary;
    std::vector<std::string> block_rows;  ///< encoded, by block number
};

class SegmentWriter {
  public:
    static Result<std::unique_ptr<SegmentWriter>> create(
        const SegmentFiles& files, TenantId tenant, Day day, SegmentId id
    );
    ~SegmentWriter();

    /// Rows sorted by (stream, time); `runs` says which belong to which stream. Without `columns`
    /// the rows are kept as one payload.
    Result<void> add_block(
        const BatchView& rows,
        std::vector<StreamRun> runs,
        const columns::EncodedBlock* columns = nullptr
    );

    /// What the filter knows the last added block by: once for each block.
    void add_filter_keys(std::vector<gram::Key> keys) { filter_.add_block(std::move(keys)); }

    using LabelsOf = std::function<StreamLabelsPtr(StreamId)>;
    Result<FinishedSegment> finish(const LabelsOf& labels_of);

    uint64_t raw_bytes() const { return summary_.raw_bytes; }

  private:
    struct Rep;

    explicit SegmentWriter(std::unique_ptr<Rep> rep);
    Result<void> put(std::string_view key, std::string_view value);
    Result<std::vector<ColumnEntry>> put_payload(const BatchView& rows);
    Result<std::vector<ColumnEntry>> put_columns(const columns::EncodedBlock& columns);
    Result<void> put_filter();

    std::unique_ptr<Rep> rep_;
    SegmentSummary summary_;
    gram::FilterBuilder filter_;
    std::vector<std::string> headers_;
    std::vector<std::string> block_rows_;
};

}  // namespace seyir::store
