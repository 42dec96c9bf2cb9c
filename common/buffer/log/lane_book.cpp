// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/log/lane_book.hpp"

#include <algorithm>

namespace seyir::buffer {
namespace {

using Kind = LaneVerdict::Kind;

Kind kind_of(const SourcePosition& position, const std::optional<Lane>& lane) {
    if (!lane || position.begin == lane->committed) {
        return Kind::kStored;
    }
    if (position.end <= lane->committed) {
        return Kind::kDuplicate;
    }
    if (position.begin < lane->committed) {
        return Kind::kRewind;
    }
    return position.lane_start ? Kind::kStored : Kind::kGap;
}

/// `verdicts`: of those not stored, in their order.
std::vector<SourcePosition> positions_kept(
    const std::vector<SourcePosition>& all,
    const std::vector<Kind>& kinds,
    const std::vector<LaneVerdict>& verdicts
) {
    std::vector<SourcePosition> out = all;
    size_t next = 0;
    for (size_t i = 0; i < out.size(); ++i) {
        if (kinds[i] != Kind::kStored) {
            const LaneVerdict& lane = verdicts[next++];
            out[i].begin = lane.committed;
            out[i].end = lane.committed;
            out[i].tail_hash = lane.tail_hash;
            out[i].lane_start = false;
        }
    }
    return out;
}

}  // namespace

size_t LaneBook::Hash::operator()(const LaneKey& key) const noexcept {
    return std::hash<SourceKey>{}(key.key) ^ (std::hash<AgentId>{}(key.agent) * 31) ^
           static_cast<size_t>(key.tenant);
}

LaneBook::Judgement LaneBook::judge(const BatchView& view, bool may_rewind) const {
    const RecordBatch& batch = *view.batch;
    Judgement out{.keep = view};
    std::vector<Kind> kinds;
    std::unordered_map<LaneKey, Lane, Hash> own;
    bool all_stored = true;
    bool any_stored = false;
    for (const SourcePosition& position : batch.positions()) {
        const LaneKey key{batch.tenant(), batch.provenance().agent, position.key};
        // A batch may go on in a lane it began itself.
        const auto begun = own.find(key);
        const auto lane = begun == own.end() ? find(key) : std::optional(begun->second);
        Kind kind = kind_of(position, lane);
        kind = may_rewind || kind == Kind::kDuplicate ? kind : Kind::kStored;
        kinds.push_back(kind);
        all_stored = all_stored && kind == Kind::kStored;
        any_stored = any_stored || kind == Kind::kStored;
        if (kind == Kind::kStored) {
            own[key] = {position.end, position.tail_hash};
            out.changes.push_back({key, own[key]});
            continue;
        }
        out.verdicts.push_back({position.key, kind, lane->committed, lane->tail_hash});
        out.must_rewind = out.must_rewind || kind != Kind::kDuplicate;
    }
    if (all_stored) {
        return out;
    }
    out.positions = positions_kept(batch.positions(), kinds, out.verdicts);
    std::vector<uint32_t> rows;
    for_each_row(view, [&](uint32_t i) {
        const uint16_t origin = batch.origin(i);
        // A row of no lane shares the fate of the batch it came in.
        const Kind kind = origin < kinds.size() ? kinds[origin]
                          : any_stored          ? Kind::kStored
                                                : Kind::kDuplicate;
        if (kind == Kind::kStored) {
            rows.push_back(i);
        }
        out.duplicate_rows += kind == Kind::kDuplicate ? 1 : 0;
    });
    out.keep = {view.batch, Selection::of(std::move(rows))};
    return out;
}

void LaneBook::apply(const Changes& changes) {
    for (const auto& [key, lane] : changes) {
        lanes_[key] = {lane, ++uses_};
    }
    if (lanes_.size() > kLanesMax) {
        forget_oldest();
    }
}

void LaneBook::forget_oldest() {
    std::vector<uint64_t> uses;
    uses.reserve(lanes_.size());
    for (const auto& [key, entry] : lanes_) {
        uses.push_back(entry.used);
    }
    const auto cut = uses.begin() + static_cast<ptrdiff_t>(uses.size() / 8);
    std::ranges::nth_element(uses, cut);
    const uint64_t oldest = *cut;
    std::erase_if(lanes_, [&](const auto& item) { return item.second.used < oldest; });
}

std::optional<Lane> LaneBook::find(const LaneKey& key) const {
    const auto at = lanes_.find(key);
    return at == lanes_.end() ? std::nullopt : std::optional(at->second.lane);
}

LaneList LaneBook::snapshot() const {
    LaneList out;
    out.reserve(lanes_.size());
    for (const auto& [key, entry] : lanes_) {
        out.push_back({key, entry.lane});
    }
    return out;
}

void LaneBook::load(const LaneList& lanes) {
    lanes_.clear();
    apply(lanes);
}

}  // namespace seyir::buffer
