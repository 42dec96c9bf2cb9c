// SPDX-License-Identifier: Apache-2.0
// BatchBuilder: reads go straight into blocks that the batch adopts, so a line is never copied.
// Room: bytes of files -> RecordBatch.
// Threads: the builder belongs to the reader; BlockPool is thread-safe (batches end elsewhere).
// Limits: a batch is closed by its owner; one block holds bytes of many files and of several
// batches, each of which accounts for its own part.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "agent/input/tail/tail_file.hpp"
#include "common/record/batch.hpp"

namespace seyir::agent::input {

struct Block {
    char* data = nullptr;
    size_t size = 0;
};

using BlockPtr = std::shared_ptr<const Block>;

/// Reuses blocks, last given back first: they are still in the processor's cache, and fresh pages
/// cost more than reading into them.
class BlockPool : public std::enable_shared_from_this<BlockPool> {
  public:
    static constexpr size_t kBlockBytes = 512 * 1024;

    ~BlockPool();
    /// At least `bytes`; larger than kBlockBytes only for single long lines (these are not kept).
    BlockPtr take(size_t bytes);
    /// Frees what nobody uses: called when there was nothing to read for a while.
    void trim();

  private:
    static constexpr size_t kKeptMax = 16;

    void give_back(Block block);

    std::mutex mutex_;
    std::vector<Block> free_;
};

class BatchBuilder {
  public:
    BatchBuilder(StreamLabelsPtr labels, uint64_t first_id);

    bool empty() const { return batch_.row_count() == 0; }

    uint64_t raw_bytes() const { return batch_.raw_bytes(); }

    /// Number of the batch being built; changes with take().
    uint64_t id() const { return id_; }

    size_t origin_count() const { return lanes_.size(); }

    /// Room to read into: at least `bytes_min`, at most `bytes_max`.
    std::span<char> window(size_t bytes_min, size_t bytes_max);

    /// The first `bytes` of the last window are in use; the rest will be given out again.
    void keep(size_t bytes) { block_used_ += bytes; }

    /// Opens the lane's origin in this batch, if it is not open yet. To be called before the lane's
    /// read_end moves.
    void open_origin(TailFile& file);

    void append(const TailFile& file, UnixNanos ts, Slice body, LineOrigin from = {}) {
        const FileColumns& columns = columns_[file.origin];
        row_.ts = ts;
        row_.origin = file.origin;
        row_.stream = columns.stream;
        row_.body = body;
        row_.attrs = from == LineOrigin::kNone ? columns.attrs : attrs_with(file.origin, from);
        batch_.append_row(row_);
    }

    /// A body that is not in the file as it is.
    Slice copy(std::string_view bytes) { return batch_.arena().copy(bytes); }

    void reserve(size_t rows) { batch_.reserve_rows(rows); }

    /// The finished batch and the lanes in it (each with its origin's end at the lane's read_end);
    /// a new one is begun.
    struct Built {
        uint64_t id = 0;
        RecordBatch batch;
        std::vector<TailFile*> lanes;
    };

    Built take();

    void trim() {
        if (empty()) {
            block_.reset();
            block_begin_ = block_used_ = 0;
        }
        pool_->trim();
    }

  private:
    /// What the rows of one file in this batch share.
    struct FileColumns {
        uint16_t stream = 0;
        AttrRange attrs;
        AttrRange of_stdout;  ///< empty until the first
        AttrRange of_stderr;
    };

    void adopt_used();
    AttrRange attrs_with(uint16_t origin, LineOrigin from);

    StreamLabelsPtr labels_;
    std::shared_ptr<BlockPool> pool_ = std::make_shared<BlockPool>();
    BlockPtr block_;
    size_t block_begin_ = 0;  ///< of this batch's part of the block
    size_t block_used_ = 0;
    uint64_t id_;
    RecordBatch batch_;
    Row row_;
    std::vector<FileColumns> columns_;  ///< by origin
    std::vector<TailFile*> lanes_;      ///< by origin
};

}  // namespace seyir::agent::input
