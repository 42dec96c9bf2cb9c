// SPDX-License-Identifier: Apache-2.0
// volume() of the embedded store: counts of the catalogue where a run of rows lies in one bucket,
// and less the rows that lie in others where it does not; rows of what is staged.
// Room: View + VolumeQuery -> Volume.
// Threads: one at a time.   Ownership: keeps the view's files and the database open.
// Errors: kIo when the database cannot be read, kTooLarge, kCancelled; a bad block is counted and
// passed over.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "collector/store/engine/core.hpp"
#include "collector/store/volume_counter.hpp"

namespace seyir::store {

class VolumeScan {
  public:
    VolumeScan(Core& core, View view, VolumeQuery query);

    Result<Volume> run();

  private:
    Result<void> add_day(Day day, const DayState& state);
    Result<void> add_segment(const SegmentSummary& segment);
    Result<void> add_block(const SegmentSummary& segment, uint32_t number, const BlockRow& row);
    Result<bool> add_cut_run(
        const SegmentSummary& segment, uint32_t number, const BlockRow& row, StreamId stream
    );
    Result<void> add_counts(
        const StreamLabelsPtr& labels, uint32_t bucket, const RunCounts& counts
    );
    void note_damage(const Error& error, TimeRange where);
    Result<void> add_staged(const StageEntry& entry);
    Result<void> add_rows(
        Result<RecordBatchPtr> batch, TimeRange where, const std::vector<StreamId>* only
    );
    Result<void> check() const;
    /// The stream's labels; null where the query does not want it.
    const StreamLabelsPtr& wanted(StreamId id);
    bool any_wanted(const std::vector<StreamId>& streams);
    bool is_in_one_bucket(UnixNanos min, UnixNanos max) const;

    Core& core_;
    View view_;
    VolumeQuery query_;
    VolumeCounter counter_;
    std::unordered_map<StreamId, StreamLabelsPtr> wanted_;
    BatchDecoder decoder_;
    CursorStats stats_;
};

}  // namespace seyir::store
