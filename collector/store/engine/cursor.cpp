// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/cursor.hpp"

#include <algorithm>
#include <set>

#include "collector/store/engine/block_filter.hpp"
#include "common/base/log.hpp"

namespace seyir::store {

Cursor::Cursor(
    std::shared_ptr<Core> core,
    View view,
    SelectQuery query,
    std::optional<std::vector<SegmentId>> only
)
    : core_(std::move(core)),
      view_(std::move(view)),
      query_(std::move(query)),
      only_(std::move(only)),
      keys_(keys_of(query_)) {
    query_.range.begin = std::max(query_.range.begin, view_.floor);
    if (!only_) {
        core_->add_missing(query_.range, stats_);
    }
    for (const auto& [day, state] : *view_.catalogue) {
        if (query_.range.overlaps(state.totals.min_ts, state.totals.max_ts)) {
            stats_.blocks_total += state.totals.blocks;
            auto place = std::make_unique<Place>();
            place->kind = Place::Kind::kDay;
            place->day = day;
            push(std::move(place), state.totals.min_ts, state.totals.max_ts);
        } else {
            stats_.blocks_out_of_time += state.totals.blocks;
        }
    }
    view_.stage.for_each([&](const StageEntry& entry) {
        if (entry.tenant != query_.tenant || only_) {
            return;
        }
        if (!query_.range.overlaps(entry.min_ts, entry.max_ts)) {
            ++stats_.blocks_out_of_time;
            return;
        }
        ++stats_.blocks_total;
        if (!any_matches(entry.streams)) {
            prune(1, stats_.blocks_pruned_by_stream);
            return;
        }
        auto place = std::make_unique<Place>();
        place->kind = Place::Kind::kStaged;
        place->entry = entry;
        push(std::move(place), entry.min_ts, entry.max_ts);
    });
}

/// For a heap whose top is the place that comes first.
bool Cursor::comes_later(const PlacePtr& a, const PlacePtr& b) const {
    if (a->edge != b->edge) {
        const bool is_later = a->edge > b->edge;
        return query_.direction == Direction::kForward ? is_later : !is_later;
    }
    return a->order > b->order;
}

void Cursor::push(PlacePtr place, UnixNanos min, UnixNanos max) {
    place->edge = query_.direction == Direction::kForward
                      ? std::max(min, query_.range.begin)
                      : std::min(max, UnixNanos{query_.range.end.value - 1});
    place->order = pushed_++;
    heap_.push_back(std::move(place));
    std::ranges::push_heap(heap_, [this](const PlacePtr& a, const PlacePtr& b) {
        return comes_later(a, b);
    });
}

Cursor::PlacePtr Cursor::pop() {
    std::ranges::pop_heap(heap_, [this](const PlacePtr& a, const PlacePtr& b) {
        return comes_later(a, b);
    });
    PlacePtr place = std::move(heap_.back());
    heap_.pop_back();
    return place;
}

bool Cursor::matches(StreamId id) {
    if (!query_.stream_matches) {
        return true;
    }
    const auto [at, is_new] = matching_.try_emplace(id, true);
    if (is_new) {
        const StreamLabelsPtr labels = core_->streams.labels(query_.tenant, id);
        at->second = labels == nullptr || query_.stream_matches(*labels);
    }
    return at->second;
}

bool Cursor::any_matches(const std::vector<StreamId>& streams) {
    return std::ranges::any_of(streams, [this](StreamId id) { return matches(id); });
}

Result<void> Cursor::open_day(const Place& place) {
    const DayState& state = view_.catalogue->at(place.day);
    stats_.blocks_total -= state.totals.blocks;
    SEYIR_TRY(
        const SegmentListPtr list, core_->catalogue.segments(*view_.snapshot, place.day, state)
    );
    for (const auto& segment : *list) {
        const bool is_asked = !only_ || std::ranges::binary_search(*only_, segment->id);
        if (segment->tenant != query_.tenant || !is_asked) {
            continue;
        }
        if (!query_.range.overlaps(segment->min_ts, segment->max_ts)) {
            stats_.blocks_out_of_time += segment->blocks;
            continue;
        }
        stats_.blocks_total += segment->blocks;
        if (!any_matches(segment->streams)) {
            prune(segment->blocks, stats_.blocks_pruned_by_stream);
            continue;
        }
        auto inner = std::make_unique<Place>();
        inner->kind = Place::Kind::kSegment;
        inner->segment = segment;
        push(std::move(inner), segment->min_ts, segment->max_ts);
    }
    return {};
}

Result<void> Cursor::open_segment(const Place& place) {
    stats_.blocks_total -= place.segment->blocks;
    SEYIR_TRY(auto rows, read_block_rows(*view_.snapshot, *place.segment));
    std::optional<PossibleBlocks> possible;
    for (uint32_t i = 0; i < rows.size(); ++i) {
        if (!query_.range.overlaps(rows[i].min_ts, rows[i].max_ts)) {
            ++stats_.blocks_out_of_time;
            continue;
        }
        ++stats_.blocks_total;
        if (!any_matches(rows[i].streams)) {
            prune(1, stats_.blocks_pruned_by_stream);
            continue;
        }
        if (!possible) {
            possible = ask_filter(*place.segment);
        }
        if (!possible->contains(i)) {
            prune(1, stats_.blocks_pruned_by_filter);
            continue;
        }
        auto inner = std::make_unique<Place>();
        inner->kind = Place::Kind::kBlock;
        inner->segment = place.segment;
        inner->block = i;
        inner->row = std::move(rows[i]);
        const UnixNanos min = inner->row.min_ts;
        const UnixNanos max = inner->row.max_ts;
        push(std::move(inner), min, max);
    }
    return {};
}

void Cursor::prune(uint64_t blocks, uint64_t& counter) {
    stats_.blocks_pruned += blocks;
    counter += blocks;
}

/// Whatever is wrong with a filter, its blocks are read: the answer is slower, not wrong.
PossibleBlocks Cursor::ask_filter(const SegmentSummary& segment) {
    if (keys_.kind == gram::KeyTree::Kind::kAnything) {
        return {};
    }
    const auto reader = core_->segments.get(segment.day, segment.id);
    if (!reader) {
        return {};  // reading its blocks says why
    }
    PossibleBlocks possible = (*reader)->find_blocks(keys_);
    if (possible.damaged_groups != 0) {
        stats_.filters_damaged += possible.damaged_groups;
        core_->counters.damaged_filters.add();
        log::error(
            "store",
            "the filter of a segment cannot be used, its blocks are read",
            {{"segment", segment_path("", segment.day, segment.id)}, {"error", possible.damage}}
        );
    }
    return possible;
}

Result<BlockRows> Cursor::load(const Place& place) {
    if (place.kind == Place::Kind::kStaged) {
        SEYIR_TRY(RecordBatchPtr batch, core_->read_stage(*view_.snapshot, place.entry, decoder_));
        const uint64_t rows = batch->row_count();
        const uint64_t raw_bytes = batch->raw_bytes();
        return BlockRows{.batch = std::move(batch), .rows_read = rows, .raw_bytes_read = raw_bytes};
    }
    SEYIR_TRY(const auto reader, core_->segments.get(place.segment->day, place.segment->id));
    SEYIR_TRY(
        BlockRows rows,
        reader->read_block(
            place.block,
            place.row,
            query_.tenant,
            decoder_,
            {query_.range, query_.stream_matches, query_.wants}
        )
    );
    if (rows.read_lines) {
        rows.read_lines = [reader, inner = std::move(rows.read_lines)](auto of_page) {
            return inner(of_page);
        };
    }
    return rows;
}

Selection Cursor::choose(const RecordBatch& batch) const {
    std::vector<bool> wanted;
    bool all_wanted = true;
    for (const StreamLabelsPtr& labels : batch.streams()) {
        wanted.push_back(!query_.stream_matches || query_.stream_matches(*labels));
        all_wanted = all_wanted && wanted.back();
    }
    const bool all_in_range =
        query_.range.contains(batch.min_ts()) && query_.range.contains(batch.max_ts());
    if (all_wanted && all_in_range) {
        return {};
    }
    std::vector<uint32_t> rows;
    for (uint32_t i = 0; i < batch.row_count(); ++i) {
        if (wanted[batch.stream(i)] && query_.range.contains(batch.ts(i))) {
            rows.push_back(i);
        }
    }
    return Selection::of(std::move(rows));
}

void Cursor::note_corrupt(const Place& place, const Error& error) {
    ++stats_.blocks_corrupt;
    const bool is_staged = place.kind == Place::Kind::kStaged;
    const UnixNanos min = is_staged ? place.entry.min_ts : place.row.min_ts;
    const UnixNanos max = is_staged ? place.entry.max_ts : place.row.max_ts;
    stats_.corrupt.begin = std::min(stats_.corrupt.begin, min);
    stats_.corrupt.end = std::max(stats_.corrupt.end, max);
    core_->counters.corrupt_blocks.add();
    log::error(
        "store", "a block cannot be read, the answer is partial", {{"error", error.message}}
    );
}

Result<std::optional<Page>> Cursor::read(const std::shared_ptr<const Place>& at) {
    const Place& place = *at;
    auto block = load(place);
    if (!block) {
        note_corrupt(place, block.error());
        return std::optional<Page>();
    }
    ++stats_.blocks_read;
    stats_.rows_read += block->rows_read;
    stats_.raw_bytes_read += block->raw_bytes_read;
    const size_t rows_in_batch = block->batch->row_count();
    Selection rows = choose(*block->batch);
    if (rows.count(rows_in_batch) == 0) {
        return std::optional<Page>();
    }
    Page page{
        .batch = std::move(block->batch),
        .rows = std::move(rows),
        .values = std::move(block->values),
        .read_lines = nullptr,
        .order = place.kind == Place::Kind::kStaged
                     ? PageOrder{true, place.entry.number, 0}
                     : PageOrder{false, place.segment->id, place.block},
    };
    if (page.values != nullptr) {
        page.read_lines = [this, at, inner = std::move(block->read_lines)](
                              std::span<const uint32_t> of_page
                          ) -> Result<RecordBatchPtr> {
            auto batch = inner(of_page);
            if (batch) {
                return batch;
            }
            note_corrupt(*at, batch.error());
            return RecordBatchPtr(std::make_shared<RecordBatch>(query_.tenant));
        };
    }
    return std::optional(std::move(page));
}

Result<std::optional<Page>> Cursor::next() {
    while (!heap_.empty()) {
        if (core_->is_reopening) {
            return fail(ErrorCode::kIo, "the database failed and is opened again: ask once more");
        }
        PlacePtr place = pop();
        if (place->kind == Place::Kind::kDay) {
            SEYIR_CHECK(open_day(*place));
        } else if (place->kind == Place::Kind::kSegment) {
            SEYIR_CHECK(open_segment(*place));
        } else {
            SEYIR_TRY(auto page, read(std::shared_ptr<const Place>(std::move(place))));
            if (page) {
                return page;
            }
        }
    }
    return std::optional<Page>();
}

std::optional<UnixNanos> Cursor::next_bound() const {
    return heap_.empty() ? std::nullopt : std::optional(heap_.front()->edge);
}

CursorStats Cursor::stats() const {
    return stats_;
}

Result<std::vector<StreamId>> stream_ids_in(
    Core& core, const View& view, TenantId tenant, TimeRange range
) {
    range.begin = std::max(range.begin, view.floor);
    std::set<StreamId> ids;
    view.stage.for_each([&](const StageEntry& entry) {
        if (entry.tenant == tenant && range.overlaps(entry.min_ts, entry.max_ts)) {
            ids.insert(entry.streams.begin(), entry.streams.end());
        }
    });
    for (const auto& [day, state] : *view.catalogue) {
        if (!range.overlaps(state.totals.min_ts, state.totals.max_ts)) {
            continue;
        }
        SEYIR_TRY(const SegmentListPtr list, core.catalogue.segments(*view.snapshot, day, state));
        for (const auto& segment : *list) {
            if (segment->tenant != tenant || !range.overlaps(segment->min_ts, segment->max_ts) ||
                std::ranges::includes(ids, segment->streams)) {
                continue;
            }
            if (range.contains(segment->min_ts) && range.contains(segment->max_ts)) {
                ids.insert(segment->streams.begin(), segment->streams.end());
                continue;
            }
            SEYIR_TRY(const auto rows, read_block_rows(*view.snapshot, *segment));
            for (const BlockRow& row : rows) {
                if (range.overlaps(row.min_ts, row.max_ts)) {
                    ids.insert(row.streams.begin(), row.streams.end());
                }
            }
        }
    }
    return std::vector<StreamId>(ids.begin(), ids.end());
}

}  // namespace seyir::store
