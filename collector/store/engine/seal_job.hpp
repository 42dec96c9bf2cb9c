// SPDX-License-Identifier: Apache-2.0
// SealJob: one pass over staged batches: sorts their rows into blocks and writes segment files.
// Nothing it does counts until the sealer commits its results.
// Threads: one at a time.   Limits: as Sealer.
// Ownership: segment files it did not finish are removed with it.
#pragma once

#include <atomic>
#include <compare>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "collector/store/disk/segment_writer.hpp"
#include "collector/store/engine/block_builder.hpp"
#include "collector/store/engine/core.hpp"
#include "collector/store/gram/key_collector.hpp"

namespace seyir::store {

/// Rows too few for a segment of their own: staged again, in the commit that cuts the stage.
struct CarriedRows {
    StageEntry entry;  ///< without a number
    EncodedBatch payload;
};

class SealJob {
  public:
    struct Plan {
        bool carries = true;  ///< small remainders go back to the stage
        Day carries_from;     ///< but only of this day and later
        uint64_t raw_bytes_max = UINT64_MAX;
        /// Only batches with a smaller payload, and back to the stage as few big ones: what many
        /// small commits leave behind would make every query slow.
        std::optional<uint32_t> merges_below;
    };

    /// How the job shares the machine.
    struct Pace {
        /// Runs a piece of work, of some milliseconds, on the thread that is to do it.
        std::function<Result<void>(const std::function<Result<void>()>&)> run;
        /// Told after each block how many staged bytes are in segment files, and after each slice
        /// how many are there or held in memory. Never less than before.
        std::function<void(uint64_t payload_bytes)> on_progress;
    };

    SealJob(
        Core& core,
        columns::BlockEncoder& encoder,
        View view,
        Plan plan,
        Pace pace,
        const std::atomic<bool>& is_stopping
    );

    /// Reads everything staged but `unreadable`, up to the plan's limit. kCancelled when stopping.
    Result<void> run(const std::set<CommitNumber>& unreadable);

    // --- results ---
    std::vector<FinishedSegment> segments;
    std::vector<CarriedRows> carried;
    std::vector<CommitNumber> sealed;  ///< ascending
    std::vector<StageEntry> newly_unreadable;
    std::vector<StreamTable::Pending> new_streams;
    uint64_t expired_rows = 0;

  private:
    struct Group {
        std::vector<RowRef> rows;
        std::unique_ptr<RecordBatchPtr> held;  ///< remainder of earlier slices
        std::unique_ptr<SegmentWriter> writer;
        uint64_t raw_bytes = 0;
    };

    /// A segment holds rows that go together: of one day, kept equally long.
    struct GroupKey {
        TenantId tenant;
        Day day;
        Nanos retention;

        auto operator<=>(const GroupKey&) const = default;
    };

    Result<void> take(const StageEntry& entry);
    void take_rows(const RecordBatchPtr& batch);
    Result<void> end_slice(bool is_last);
    void tell_progress(uint64_t payload_bytes);
    Result<size_t> cut_blocks(const GroupKey& key, Group& group);
    void hold(const GroupKey& key, Group& group, size_t first);
    Result<void> end_groups();
    Result<void> emit(const GroupKey& key, Group& group, std::span<const RowRef> rows);
    Result<void> add_block(SegmentWriter& writer, Block block);
    Result<void> carry(TenantId tenant, std::span<const RowRef> rows);
    Result<void> finish(const GroupKey& key, Group& group);

    Core& core_;
    columns::BlockEncoder& encoder_;
    View view_;
    Plan plan_;
    Pace pace_;
    const std::atomic<bool>& is_stopping_;
    BatchDecoder decoder_;
    gram::KeyCollector filter_keys_;
    std::deque<RecordBatchPtr> slice_;
    std::map<GroupKey, Group> groups_;
    uint64_t slice_raw_bytes_ = 0;
    uint64_t total_raw_bytes_ = 0;
    uint64_t payload_bytes_ = 0;    ///< of `sealed`
    uint64_t block_raw_bytes_ = 0;  ///< in blocks of segments
    uint64_t told_bytes_ = 0;
};

}  // namespace seyir::store
