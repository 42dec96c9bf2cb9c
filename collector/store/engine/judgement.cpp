// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/judgement.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "collector/store/lane_rules.hpp"
#include "common/samples/metric_samples.hpp"

namespace seyir::store {

/// Verdicts by index, as the rows need them.
struct Judge::Marks {
    std::vector<LaneVerdict::Kind> lanes;          ///< by position
    std::vector<std::optional<StreamId>> streams;  ///< by stream; nothing: over the limit
    std::vector<std::pair<std::string, LaneState>> advanced;  ///< set once nothing can fail
    std::vector<LaneVerdict> not_stored;
    UnixNanos oldest;                         ///< rows before it may be past retention
    std::vector<UnixNanos> oldest_of_stream;  ///< only when there are such rows
    bool all_lanes_stored = true;
    bool any_lane_stored = true;
    bool all_streams_known = true;
};

Judge::Judge(Core& core, LaneTable& lanes, PushHashes& pushes)
    : core_(core), lanes_(lanes), pushes_(pushes) {}

Result<Judge::Marks> Judge::judge_lanes(
    const Database& database, const Commit& commit, UnixNanos now
) {
    const RecordBatch& batch = *commit.view.batch;
    const AgentId agent = batch.provenance().agent;
    Marks marks;
    if (agent.is_zero() || batch.positions().empty()) {
        return marks;
    }
    marks.any_lane_stored = false;
    for (const SourcePosition& position : batch.positions()) {
        const std::string key = key::lane(batch.tenant(), agent, commit.output, position.key);
        SEYIR_TRY(auto known, lanes_.find(database, key));
        // A frame may hold several stretches of one lane.
        for (const auto& [earlier, state] : marks.advanced) {
            if (earlier == key) {
                known = state;
            }
        }
        const LaneVerdict verdict = store::judge(known, position);
        marks.lanes.push_back(verdict.kind);
        if (verdict.kind == LaneVerdict::Kind::kStored) {
            marks.any_lane_stored = true;
            marks.advanced.emplace_back(key, advance(known, position, now));
        } else {
            marks.all_lanes_stored = false;
            marks.not_stored.push_back(verdict);
        }
    }
    return marks;
}

/// Samples go to a family of their own, in the same write as their lanes.
Result<void> Judge::judge_metrics(
    const Database& database, const Commit& commit, Marks& marks, UnixNanos now, Judgement& out
) {
    const RecordBatch& batch = *commit.view.batch;
    const Nanos retention = core_.options.metrics_retention;
    const MetricSource source{
        .tenant = batch.tenant(),
        .agent = batch.provenance().agent,
        .oldest = retention.count() > 0 ? now - retention : UnixNanos::min(),
    };
    Result<void> read;
    for_each_row(commit.view, [&](uint32_t i) {
        const uint16_t origin = batch.origin(i);
        const auto kind =
            origin < marks.lanes.size() ? marks.lanes[origin] : LaneVerdict::Kind::kStored;
        out.answer.duplicate += kind == LaneVerdict::Kind::kDuplicate ? 1 : 0;
        if (kind != LaneVerdict::Kind::kStored || !read) {
            return;
        }
        auto added = out.metrics.add(database, source, batch.body(i));
        if (added) {
            ++out.answer.accepted;
        } else if (added.error().code == ErrorCode::kIo) {
            read = added.error();
        } else {
            ++out.answer.rejected;
            out.answer.reject_reason = "bad_metrics";
        }
    });
    SEYIR_CHECK(read);
    if (out.metrics.too_old > 0 && out.answer.accepted == commit.view.row_count() &&
        out.metrics.samples == 0) {
        out.answer.rejected = std::exchange(out.answer.accepted, 0);
        out.answer.reject_reason = "too_old";
    }
    core_.counters.rejected_old.add(out.metrics.too_old);
    return {};
}

void Judge::choose_rows(const Commit& commit, Marks& marks, Judgement& out) {
    const RecordBatch& batch = *commit.view.batch;
    const bool none_too_old = batch.row_count() == 0 || batch.min_ts() >= marks.oldest;
    if (marks.all_lanes_stored && none_too_old && marks.all_streams_known) {
        out.accepted = commit.view;
        out.answer.accepted = static_cast<uint32_t>(commit.view.row_count());
        return;
    }
    std::vector<uint32_t> rows;
    uint32_t too_old = 0;
    uint32_t over_limit = 0;
    for_each_row(commit.view, [&](uint32_t i) {
        const uint16_t origin = batch.origin(i);
        // A row of no lane shares the fate of the frame it came in.
        const auto kind = origin < marks.lanes.size() ? marks.lanes[origin]
                          : marks.any_lane_stored     ? LaneVerdict::Kind::kStored
                                                      : LaneVerdict::Kind::kDuplicate;
        if (kind == LaneVerdict::Kind::kDuplicate) {
            ++out.answer.duplicate;
        } else if (kind == LaneVerdict::Kind::kStored) {
            if (!none_too_old && batch.ts(i) < marks.oldest_of_stream[batch.stream(i)]) {
                ++too_old;
                out.answer.rejected_rows.push_back(i);
            } else if (!marks.streams[batch.stream(i)]) {
                ++over_limit;
                out.answer.rejected_rows.push_back(i);
            } else {
                rows.push_back(i);
            }
        }
    });
    core_.counters.rejected_old.add(too_old);
    core_.counters.rejected_streams.add(over_limit);
    out.answer.rejected = too_old + over_limit;
    if (out.answer.rejected > 0) {
        out.answer.reject_reason = too_old > 0 ? "too_old" : "stream_limit";
    }
    out.answer.accepted = static_cast<uint32_t>(rows.size());
    out.accepted = {commit.view.batch, Selection::of(std::move(rows))};
}

StagedPiece Judge::piece_of(const BatchView& view, const Marks& marks, EncodedBatch payload) {
    const RecordBatch& batch = *view.batch;
    const bool is_whole = view.row_count() == batch.row_count();
    StagedPiece piece{.entry = {}, .payload = std::move(payload)};
    StageEntry& entry = piece.entry;
    entry.tenant = batch.tenant();
    entry.rows = static_cast<uint32_t>(view.row_count());
    entry.payload_bytes = static_cast<uint32_t>(piece.payload.bytes->size());
    entry.xxh3 = piece.payload.xxh3;
    std::vector<bool> used(batch.streams().size(), is_whole);
    if (is_whole) {
        entry.raw_bytes = batch.raw_bytes();
        entry.min_ts = batch.min_ts();
        entry.max_ts = batch.max_ts();
    } else {
        entry.min_ts = UnixNanos::max();
        entry.max_ts = UnixNanos::min();
        for_each_row(view, [&](uint32_t i) {
            entry.raw_bytes += batch.body(i).size() + 1;
            entry.min_ts = std::min(entry.min_ts, batch.ts(i));
            entry.max_ts = std::max(entry.max_ts, batch.ts(i));
            used[batch.stream(i)] = true;
        });
    }
    for (size_t i = 0; i < used.size(); ++i) {
        if (used[i] && marks.streams[i]) {
            entry.streams.push_back(*marks.streams[i]);
        }
    }
    std::ranges::sort(entry.streams);
    return piece;
}

/// In halves where a limit of a payload is exceeded; one row beyond it alone is rejected.
Result<void> Judge::add_pieces(const BatchView& view, const Marks& marks, Judgement& out) {
    auto encoded = encoder_.encode(view);
    if (encoded) {
        out.pieces.push_back(piece_of(view, marks, *std::move(encoded)));
        return {};
    }
    const size_t rows = view.row_count();
    if (encoded.error().code != ErrorCode::kTooLarge) {
        return encoded.error();
    }
    if (rows <= 1) {
        for_each_row(view, [&](uint32_t i) { out.too_large.push_back(i); });
        return {};
    }
    std::vector<uint32_t> all;
    all.reserve(rows);
    for_each_row(view, [&](uint32_t i) { all.push_back(i); });
    const auto middle = all.begin() + static_cast<ptrdiff_t>(rows / 2);
    SEYIR_CHECK(add_pieces({view.batch, Selection::of({all.begin(), middle})}, marks, out));
    return add_pieces({view.batch, Selection::of({middle, all.end()})}, marks, out);
}

Result<void> Judge::describe(
    const Commit& commit,
    const Marks& marks,
    const std::optional<EncodedBatch>& encoded,
    Judgement& out
) {
    const RecordBatch& batch = *commit.view.batch;
    const uint32_t accepted = out.answer.accepted;
    const bool is_as_received = accepted == batch.row_count() && batch.encoded();
    if (is_as_received || (encoded && accepted == commit.view.row_count())) {
        const EncodedBatch& payload = is_as_received ? *batch.encoded() : *encoded;
        out.pieces.push_back(piece_of(out.accepted, marks, payload));
        return {};
    }
    SEYIR_CHECK(add_pieces(out.accepted, marks, out));
    if (out.too_large.empty()) {
        return {};
    }
    std::vector<uint32_t> stored;
    for_each_row(out.accepted, [&](uint32_t i) {
        if (!std::ranges::binary_search(out.too_large, i)) {
            stored.push_back(i);
        }
    });
    out.answer.rejected += accepted - static_cast<uint32_t>(stored.size());
    out.answer.accepted = static_cast<uint32_t>(stored.size());
    out.answer.reject_reason = "record_too_large";
    std::vector<uint32_t>& rejected = out.answer.rejected_rows;
    rejected.insert(rejected.end(), out.too_large.begin(), out.too_large.end());
    std::ranges::sort(rejected);
    out.accepted = {commit.view.batch, Selection::of(std::move(stored))};
    return {};
}

Result<Judgement> Judge::judge(
    const Database& database,
    const Commit& commit,
    const std::optional<EncodedBatch>& encoded,
    UnixNanos now,
    WriteSet& set
) {
    const RecordBatch& batch = *commit.view.batch;
    const Provenance& from = batch.provenance();
    Judgement out;
    if (!from.agent.is_zero()) {
        SEYIR_TRY(
            const uint32_t epoch, lanes_.epoch(database, key::epoch(batch.tenant(), from.agent))
        );
        if (from.epoch < epoch) {
            return fail(
                ErrorCode::kConflict,
                fmt::format(
                    "agent {}: epoch {} is fenced by {}", from.agent.to_hex(), from.epoch, epoch
                )
            );
        }
    }
    if (!from.push_hash.is_zero() && pushes_.knows(batch.tenant(), from.push_hash, now)) {
        out.answer.duplicate = static_cast<uint32_t>(commit.view.row_count());
        out.accepted = {commit.view.batch, Selection::of({})};
        return out;
    }
    SEYIR_TRY(Marks marks, judge_lanes(database, commit, now));
    if (samples::is_metrics(batch)) {
        SEYIR_CHECK(judge_metrics(database, commit, marks, now, out));
        out.answer.lanes = std::move(marks.not_stored);
        for (auto& [key, state] : marks.advanced) {
            lanes_.set_pending(key, std::move(state));
        }
        return out;
    }
    const RetentionPolicy& policy = core_.options.retention;
    const Nanos shortest = policy.shortest();
    marks.oldest = core_.floor;
    if (shortest.count() > 0) {
        marks.oldest = std::max(marks.oldest, now - shortest);
    }
    if (batch.row_count() > 0 && batch.min_ts() < marks.oldest) {
        for (const StreamLabelsPtr& labels : batch.streams()) {
            const Nanos kept = policy.of(*labels);
            const UnixNanos oldest = kept.count() > 0 ? now - kept : UnixNanos::min();
            marks.oldest_of_stream.push_back(std::max(core_.floor, oldest));
        }
    }
    for (const StreamLabelsPtr& labels : batch.streams()) {
        marks.streams.push_back(core_.streams.add(batch.tenant(), labels, out.new_streams));
        marks.all_streams_known = marks.all_streams_known && marks.streams.back().has_value();
    }
    choose_rows(commit, marks, out);
    out.answer.lanes = std::move(marks.not_stored);
    if (out.answer.accepted > 0) {
        if (auto described = describe(commit, marks, encoded, out); !described) {
            core_.streams.take_back(out.new_streams);
            return described.error();
        }
    }
    if (out.pieces.empty()) {
        core_.streams.take_back(out.new_streams);
        out.new_streams.clear();
    }
    for (auto& [key, state] : marks.advanced) {
        lanes_.set_pending(key, std::move(state));
    }
    if (!from.push_hash.is_zero()) {
        pushes_.add_pending(batch.tenant(), from.push_hash, now, set);
    }
    return out;
}

}  // namespace seyir::store
