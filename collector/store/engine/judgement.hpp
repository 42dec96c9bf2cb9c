// SPDX-License-Identifier: Apache-2.0
// Judge: what of one append is to be stored, and as which bytes.
// Threads: the committer's alone.
// Errors: kConflict (fenced epoch), kIo (lanes cannot be read). A row that exceeds a limit of the
// payload by itself is rejected; its lane goes on.
#pragma once

#include <optional>
#include <vector>

#include "collector/store/engine/core.hpp"
#include "collector/store/metric/metric_rows.hpp"
#include "collector/store/state/lane_table.hpp"
#include "collector/store/state/push_hashes.hpp"

namespace seyir::store {

/// What one entry of the stage holds.
struct StagedPiece {
    StageEntry entry;
    EncodedBatch payload;
};

struct Judgement {
    Durable answer;
    BatchView accepted;  ///< empty selection: nothing to store
    /// Of what is stored: one, or several where the rows exceed a limit of a payload.
    std::vector<StagedPiece> pieces;
    std::vector<uint32_t> too_large;  ///< rows beyond a limit by themselves, rising
    std::vector<StreamTable::Pending> new_streams;
    /// Of metric samples instead of pieces: rows of the metric family; `accepted` has no batch.
    MetricRows metrics;
};

class Judge {
  public:
    Judge(Core& core, LaneTable& lanes, PushHashes& pushes);

    /// Adds rows of the push hash to `set`; lanes and streams stay pending.
    /// `encoded` holds the selected rows if they were encoded beforehand and fit one payload.
    Result<Judgement> judge(
        const Database& database,
        const Commit& commit,
        const std::optional<EncodedBatch>& encoded,
        UnixNanos now,
        WriteSet& set
    );

  private:
    struct Marks;

    Result<Marks> judge_lanes(const Database& database, const Commit& commit, UnixNanos now);
    Result<void> judge_metrics(
        const Database& database, const Commit& commit, Marks& marks, UnixNanos now, Judgement& out
    );
    void choose_rows(const Commit& commit, Marks& marks, Judgement& out);
    Result<void> describe(
        const Commit& commit,
        const Marks& marks,
        const std::optional<EncodedBatch>& encoded,
        Judgement& out
    );
    static StagedPiece piece_of(const BatchView& view, const Marks& marks, EncodedBatch payload);
    Result<void> add_pieces(const BatchView& view, const Marks& marks, Judgement& out);

    Core& core_;
    LaneTable& lanes_;
    PushHashes& pushes_;
    BatchEncoder encoder_;
};

}  // namespace seyir::store
