// SPDX-License-Identifier: Apache-2.0
// Cursor: a query's walk over stage and segments in order of leading edge. Days are opened into
// segments and segments into blocks only when their turn comes, so a query that stops early never
// reads the catalogue of the rest.
// Room: View + SelectQuery -> pages.
// Threads: one at a time.   Ownership: keeps the view's files and the database open.
// Errors: kIo when the database cannot be read; a bad block is counted and passed over.
#pragma once

#include <memory>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "collector/store/engine/core.hpp"
#include "collector/store/gram/key_tree.hpp"

namespace seyir::store {

class Cursor final : public RowCursor {
  public:
    /// With `only`, the rows of these segments (rising) and nothing that is staged.
    Cursor(
        std::shared_ptr<Core> core,
        View view,
        SelectQuery query,
        std::optional<std::vector<SegmentId>> only = std::nullopt
    );

    Result<std::optional<Page>> next() override;
    std::optional<UnixNanos> next_bound() const override;
    CursorStats stats() const override;

  private:
    /// Something with rows in [min, max]: a day, a segment, a block or a staged batch.
    struct Place {
        enum class Kind : uint8_t { kDay, kSegment, kBlock, kStaged } kind = Kind::kDay;
        UnixNanos edge;  ///< the end that comes first, inside the range
        uint64_t order = 0;
        Day day;
        std::shared_ptr<const SegmentSummary> segment;
        uint32_t block = 0;
        BlockRow row;
        StageEntry entry;
    };

    using PlacePtr = std::unique_ptr<Place>;

    void push(PlacePtr place, UnixNanos min, UnixNanos max);
    bool comes_later(const PlacePtr& a, const PlacePtr& b) const;
    PlacePtr pop();
    Result<void> open_day(const Place& place);
    Result<void> open_segment(const Place& place);
    PossibleBlocks ask_filter(const SegmentSummary& segment);
    void prune(uint64_t blocks, uint64_t& counter);
    Result<std::optional<Page>> read(const std::shared_ptr<const Place>& at);
    Result<BlockRows> load(const Place& place);
    void note_corrupt(const Place& place, const Error& error);
    bool matches(StreamId id);
    bool any_matches(const std::vector<StreamId>& streams);
    Selection choose(const RecordBatch& batch) const;

    std::shared_ptr<Core> core_;
    View view_;
    SelectQuery query_;
    std::optional<std::vector<SegmentId>> only_;
    gram::KeyTree keys_;
    std::vector<PlacePtr> heap_;
    std::unordered_map<StreamId, bool> matching_;
    uint64_t pushed_ = 0;
    BatchDecoder decoder_;
    CursorStats stats_;
};

/// Ids of the tenant's streams with rows in a segment or staged batch that overlaps the range.
Result<std::vector<StreamId>> stream_ids_in(
    Core& core, const View& view, TenantId tenant, TimeRange range
);

}  // namespace seyir::store
