// SPDX-License-Identifier: Apache-2.0
// LaneBook: how far each source has got into the buffer, so that a batch sent again after a lost
// answer is kept once. The rules are those of docs/format/wire.md, "Lanes"; a lane not known yet
// may begin anywhere.
// Threads: one at a time.
// Limits: kLanesMax; beyond, the lanes not heard of for longest are forgotten (a batch of theirs
// sent again is then kept twice, never lost).
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "common/buffer/log/buffer_format.hpp"

namespace seyir::buffer {

class LaneBook {
  public:
    using Changes = std::vector<std::pair<LaneKey, Lane>>;

    struct Judgement {
        BatchView keep;  ///< what is to be stored
        uint32_t duplicate_rows = 0;
        std::vector<LaneVerdict> verdicts;  ///< of lanes that were not stored
        bool must_rewind = false;
        Changes changes;  ///< what is true once it is stored
        /// The batch's positions as they are to be kept: in the place of one that was not stored
        /// stands where its lane is, so that whoever reads them finds what `changes` says.
        /// Nothing: all were stored.
        std::optional<std::vector<SourcePosition>> positions;

        /// Nothing new in it.
        bool is_empty() const { return changes.empty() && keep.row_count() == 0; }
    };

    /// Does not change the book: give `changes` to apply(). Without `may_rewind` (nobody would send
    /// again) what does not join is stored.
    Judgement judge(const BatchView& view, bool may_rewind = true) const;
    void apply(const Changes& changes);

    /// As the last change of the lane says.
    std::optional<Lane> find(const LaneKey& key) const;
    LaneList snapshot() const;
    void load(const LaneList& lanes);

    size_t size() const { return lanes_.size(); }

  private:
    struct Entry {
        Lane lane;
        uint64_t used = 0;
    };

    struct Hash {
        size_t operator()(const LaneKey& key) const noexcept;
    };

    void forget_oldest();

    std::unordered_map<LaneKey, Entry, Hash> lanes_;
    uint64_t uses_ = 0;
};

}  // namespace seyir::buffer
