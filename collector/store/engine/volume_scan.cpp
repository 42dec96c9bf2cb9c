// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/volume_scan.hpp"

#include <algorithm>
#include <map>

#include "common/base/log.hpp"
#include "common/record/level.hpp"

namespace seyir::store {

VolumeScan::VolumeScan(Core& core, View view, VolumeQuery query)
    : core_(core), view_(std::move(view)), query_(std::move(query)), counter_(query_) {}

Result<void> VolumeScan::check() const {
    if (query_.cancelled && query_.cancelled()) {
        return fail(ErrorCode::kCancelled, "the client has gone");
    }
    if (core_.is_reopening) {
        return fail(ErrorCode::kIo, "the database failed and is opened again: ask once more");
    }
    return {};
}

const StreamLabelsPtr& VolumeScan::wanted(StreamId id) {
    const auto [at, is_new] = wanted_.try_emplace(id);
    if (is_new) {
        StreamLabelsPtr labels = core_.streams.labels(query_.tenant, id);
        const bool fits =
            labels != nullptr && (!query_.stream_matches || query_.stream_matches(*labels));
        at->second = fits ? std::move(labels) : nullptr;
    }
    return at->second;
}

bool VolumeScan::any_wanted(const std::vector<StreamId>& streams) {
    return std::ranges::any_of(streams, [this](StreamId id) { return wanted(id) != nullptr; });
}

bool VolumeScan::is_in_one_bucket(UnixNanos min, UnixNanos max) const {
    // A floor moved up by retention cuts what the catalogue still counts.
    return query_.range.contains(min) && query_.range.contains(max) && min >= view_.floor &&
           counter_.bucket_of(min) == counter_.bucket_of(max);
}

void VolumeScan::note_damage(const Error& error, TimeRange where) {
    ++stats_.blocks_corrupt;
    stats_.corrupt.begin = std::min(stats_.corrupt.begin, where.begin);
    stats_.corrupt.end = std::max(stats_.corrupt.end, where.end);
    core_.counters.corrupt_blocks.add();
    log::error(
        "store", "a block cannot be read, the volume is partial", {{"error", error.message}}
    );
}

/// Rows of all wanted streams, or of those in `only`.
Result<void> VolumeScan::add_rows(
    Result<RecordBatchPtr> batch, TimeRange where, const std::vector<StreamId>* only
) {
    if (!batch) {
        note_damage(batch.error(), where);
        return {};
    }
    ++stats_.blocks_read;
    stats_.rows_read += (*batch)->row_count();
    stats_.raw_bytes_read += (*batch)->raw_bytes();
    std::vector<bool> takes;
    for (const StreamLabelsPtr& labels : (*batch)->streams()) {
        bool is_taken = !query_.stream_matches || query_.stream_matches(*labels);
        if (is_taken && only != nullptr) {
            is_taken = std::ranges::any_of(*only, [&](StreamId id) {
                const StreamLabelsPtr& known = wanted(id);
                return known != nullptr && known->fingerprint() == labels->fingerprint();
            });
        }
        takes.push_back(is_taken);
    }
    std::vector<uint32_t> rows;
    for (uint32_t i = 0; i < (*batch)->row_count(); ++i) {
        if (takes[(*batch)->stream(i)] && (*batch)->ts(i) >= view_.floor) {
            rows.push_back(i);
        }
    }
    return counter_.add({std::move(*batch), Selection::of(std::move(rows))});
}

Result<void> VolumeScan::add_staged(const StageEntry& entry) {
    if (entry.tenant != query_.tenant || !query_.range.overlaps(entry.min_ts, entry.max_ts)) {
        return {};
    }
    ++stats_.blocks_total;
    if (!any_wanted(entry.streams)) {
        ++stats_.blocks_pruned;
        return {};
    }
    SEYIR_CHECK(check());
    if (!query_.by_level && entry.streams.size() == 1 &&
        is_in_one_bucket(entry.min_ts, entry.max_ts)) {
        return counter_.add(
            wanted(entry.streams.front()),
            counter_.bucket_of(entry.min_ts),
            0,
            entry.rows,
            entry.raw_bytes - entry.rows
        );
    }
    return add_rows(
        core_.read_stage(*view_.snapshot, entry, decoder_), {entry.min_ts, entry.max_ts}, nullptr
    );
}

Result<void> VolumeScan::add_block(
    const SegmentSummary& segment, uint32_t number, const BlockRow& row
) {
    if (!query_.range.overlaps(row.min_ts, row.max_ts)) {
        return {};
    }
    ++stats_.blocks_total;
    if (!any_wanted(row.streams)) {
        ++stats_.blocks_pruned;
        return {};
    }
    const auto read = [&](const std::vector<StreamId>* only) -> Result<void> {
        SEYIR_CHECK(check());
        const auto batch = [&]() -> Result<RecordBatchPtr> {
            SEYIR_TRY(const auto reader, core_.segments.get(segment.day, segment.id));
            SEYIR_TRY(auto rows, reader->read_block(number, row, query_.tenant, decoder_));
            return std::move(rows.batch);
        };
        return add_rows(batch(), {row.min_ts, row.max_ts}, only);
    };
    if (row.runs.empty()) {
        return read(nullptr);
    }
    if (query_.by_level && row.has_level_attrs) {
        counter_.set_has_level_attrs();
    }
    std::vector<StreamId> cut;
    for (const RunCounts& run : row.runs) {
        const StreamLabelsPtr& labels = wanted(run.stream);
        if (labels == nullptr || !query_.range.overlaps(run.min_ts, run.max_ts)) {
            continue;
        }
        if (!is_in_one_bucket(run.min_ts, run.max_ts)) {
            cut.push_back(run.stream);
            continue;
        }
        SEYIR_CHECK(add_counts(labels, counter_.bucket_of(run.min_ts), run));
    }
    if (cut.size() == 1) {
        SEYIR_TRY(const bool is_added, add_cut_run(segment, number, row, cut.front()));
        cut.resize(is_added ? 0 : 1);
    }
    return cut.empty() ? Result<void>() : read(&cut);
}

/// Reads rows on one side of the run only, where there are likely fewer; the bucket on the other
/// side has what they leave of the catalogue's counts. False: all rows must be read.
Result<bool> VolumeScan::add_cut_run(
    const SegmentSummary& segment, uint32_t number, const BlockRow& row, StreamId stream
) {
    const RunCounts& run = *std::ranges::find(row.runs, stream, &RunCounts::stream);
    if (!query_.range.contains(run.min_ts) || !query_.range.contains(run.max_ts) ||
        run.min_ts < view_.floor) {
        return false;
    }
    SEYIR_CHECK(check());
    const StreamLabelsPtr& labels = wanted(stream);
    const uint32_t first = counter_.bucket_of(run.min_ts);
    const uint32_t last = counter_.bucket_of(run.max_ts);
    const UnixNanos first_end = counter_.begin_of(first + 1);
    const UnixNanos last_begin = counter_.begin_of(last);
    // Times may be farther apart than int64 can tell.
    const auto behind = [](UnixNanos a, UnixNanos b) {
        return static_cast<uint64_t>(a.value) - static_cast<uint64_t>(b.value);
    };
    const bool reads_first = behind(last_begin, run.min_ts) < behind(run.max_ts, first_end);
    RowChoice choice;
    choice.range = reads_first ? TimeRange{run.min_ts, last_begin}
                               : TimeRange{first_end, {run.max_ts.value + 1}};
    choice.stream_matches = [&](const StreamLabels& other) {
        return other.fingerprint() == labels->fingerprint();
    };
    const auto read = [&]() -> Result<BlockRows> {
        SEYIR_TRY(const auto reader, core_.segments.get(segment.day, segment.id));
        return reader->read_block(number, row, query_.tenant, decoder_, choice);
    };
    auto rows = read();
    if (!rows) {
        note_damage(rows.error(), {row.min_ts, row.max_ts});
        return true;
    }
    ++stats_.blocks_read;
    stats_.rows_read += rows->rows_read;
    stats_.raw_bytes_read += rows->raw_bytes_read;
    std::map<uint32_t, RunCounts> by_bucket;
    RunCounts& left = by_bucket[reads_first ? last : first];
    left.levels = run.levels;
    const RecordBatch& batch = *rows->batch;
    for (uint32_t i = 0; i < batch.row_count(); ++i) {
        if (!choice.range.contains(batch.ts(i)) ||
            !choice.stream_matches(*batch.streams()[batch.stream(i)])) {
            continue;
        }
        const uint8_t level = level_index(level_of_row(batch, i));
        const uint64_t bytes = batch.body(i).size();
        RunCounts::Level& from = left.levels[level];
        if (from.rows == 0 || from.bytes < bytes) {
            return false;  // the counts are not those of the rows
        }
        --from.rows;
        from.bytes -= bytes;
        RunCounts::Level& to = by_bucket[counter_.bucket_of(batch.ts(i))].levels[level];
        ++to.rows;
        to.bytes += bytes;
    }
    for (const auto& [bucket, counts] : by_bucket) {
        SEYIR_CHECK(add_counts(labels, bucket, counts));
    }
    return true;
}

Result<void> VolumeScan::add_counts(
    const StreamLabelsPtr& labels, uint32_t bucket, const RunCounts& counts
) {
    for (uint8_t level = 0; level < kLevels; ++level) {
        const RunCounts::Level& of_level = counts.levels[level];
        SEYIR_CHECK(counter_.add(labels, bucket, level, of_level.rows, of_level.bytes));
    }
    return {};
}

Result<void> VolumeScan::add_segment(const SegmentSummary& segment) {
    SEYIR_CHECK(check());
    SEYIR_TRY(const auto rows, read_block_rows(*view_.snapshot, segment));
    for (uint32_t i = 0; i < rows.size(); ++i) {
        SEYIR_CHECK(add_block(segment, i, rows[i]));
    }
    return {};
}

Result<void> VolumeScan::add_day(Day day, const DayState& state) {
    if (!query_.range.overlaps(state.totals.min_ts, state.totals.max_ts)) {
        return {};
    }
    SEYIR_TRY(const SegmentListPtr list, core_.catalogue.segments(*view_.snapshot, day, state));
    for (const auto& segment : *list) {
        if (segment->tenant != query_.tenant ||
            !query_.range.overlaps(segment->min_ts, segment->max_ts)) {
            continue;
        }
        if (any_wanted(segment->streams)) {
            SEYIR_CHECK(add_segment(*segment));
        } else {
            stats_.blocks_total += segment->blocks;
            stats_.blocks_pruned += segment->blocks;
        }
    }
    return {};
}

Result<Volume> VolumeScan::run() {
    core_.add_missing(query_.range, stats_);
    for (const auto& [day, state] : *view_.catalogue) {
        SEYIR_CHECK(add_day(day, state));
    }
    Result<void> outcome;
    view_.stage.for_each([&](const StageEntry& entry) {
        if (outcome) {
            outcome = add_staged(entry);
        }
    });
    SEYIR_CHECK(outcome);
    return counter_.finish(stats_);
}

}  // namespace seyir::store
