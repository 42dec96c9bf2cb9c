// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/due_parts.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace seyir::store {
namespace {

/// How long streams are kept, asked once for each.
class Retentions {
  public:
    Retentions(Core& core, const RetentionPolicy& policy) : core_(core), policy_(policy) {}

    /// Of the stream that is kept longest; 0 = for ever.
    Nanos of(const SegmentSummary& segment) {
        Nanos longest{1};
        for (const StreamId stream : segment.streams) {
            const Nanos one = of(segment.tenant, stream);
            if (one.count() == 0) {
                return one;
            }
            longest = std::max(longest, one);
        }
        return longest;
    }

    Nanos of(TenantId tenant, StreamId stream) {
        const auto [at, is_new] = known_.try_emplace({tenant, stream}, 0);
        if (is_new) {
            const StreamLabelsPtr labels = core_.streams.labels(tenant, stream);
            // Without its labels nothing says that it may go.
            at->second = labels ? policy_.of(*labels) : Nanos(0);
        }
        return at->second;
    }

  private:
    Core& core_;
    const RetentionPolicy& policy_;
    std::map<std::pair<TenantId, StreamId>, Nanos> known_;
};

void take(PartReport& part, const SegmentSummary& segment) {
    part.segments.push_back(segment.id);
    part.rows += segment.rows;
    part.raw_bytes += segment.raw_bytes;
    part.file_bytes += segment.file_bytes;
}

using PartKey = std::pair<Day, Nanos>;

class Search {
  public:
    Search(Core& core, const View& view, const RetentionPolicy& policy)
        : core_(core), view_(view), policy_(policy), retentions_(core, policy) {}

    Result<void> by_age(UnixNanos now) {
        const Nanos shortest = policy_.shortest();
        if (shortest.count() == 0) {
            return {};
        }
        for (const auto& [day, state] : *view_.catalogue) {
            if (day >= day_of(now - shortest)) {
                break;
            }
            SEYIR_TRY(const SegmentListPtr list, list_of(day, state));
            for (const auto& segment : *list) {
                const Nanos kept = retentions_.of(*segment);
                if (kept.count() > 0 && day < day_of(now - kept)) {
                    add(kept, *segment);
                }
            }
        }
        return {};
    }

    void hold_back(const std::function<bool(const PartReport&)>& is_held) {
        for (auto at = parts_.begin(); at != parts_.end();) {
            if (!is_held(at->second)) {
                ++at;
                continue;
            }
            for (const SegmentId id : at->second.segments) {
                taken_.erase(id);
            }
            taken_bytes_ -= at->second.file_bytes;
            held_.insert(parts_.extract(at++));
        }
    }

    Result<void> by_size(uint64_t file_bytes_max) {
        uint64_t left = 0;
        for (const auto& [day, state] : *view_.catalogue) {
            left += state.totals.file_bytes;
        }
        left -= std::min(left, taken_bytes_);
        for (const auto& [day, state] : *view_.catalogue) {
            if (left <= file_bytes_max) {
                break;
            }
            SEYIR_TRY(const SegmentListPtr list, list_of(day, state));
            SegmentList oldest_first = *list;
            std::ranges::sort(oldest_first, [](const auto& a, const auto& b) {
                return std::pair(a->max_ts, a->id) < std::pair(b->max_ts, b->id);
            });
            for (const auto& segment : oldest_first) {
                if (left > file_bytes_max && !taken_.contains(segment->id)) {
                    add(Nanos(0), *segment);
                    left -= std::min(left, segment->file_bytes);
                }
            }
        }
        return {};
    }

    Result<DueParts> finish() {
        for (auto& [key, part] : held_) {
            // Those that go for their size are not held.
            if (std::ranges::any_of(part.segments, [&](auto id) { return taken_.contains(id); })) {
                SEYIR_CHECK(keep_untaken(part));
            }
        }
        std::erase_if(held_, [](const auto& one) { return one.second.segments.empty(); });
        DueParts out;
        SEYIR_TRY(out.dropped, finished(parts_));
        SEYIR_TRY(out.held_back, finished(held_));
        return out;
    }

  private:
    const DayState& day_state(Day day) const { return view_.catalogue->at(day); }

    Result<SegmentListPtr> list_of(Day day, const DayState& state) {
        return core_.catalogue.segments(*view_.snapshot, day, state);
    }

    Result<void> keep_untaken(PartReport& part) {
        PartReport rest{.day = part.day, .segments = {}, .retention = part.retention};
        SEYIR_TRY(const SegmentListPtr list, list_of(part.day, day_state(part.day)));
        for (const auto& segment : *list) {
            const bool is_ours =
                std::ranges::find(part.segments, segment->id) != part.segments.end();
            if (is_ours && !taken_.contains(segment->id)) {
                take(rest, *segment);
            }
        }
        part = std::move(rest);
        return {};
    }

    Result<std::vector<PartReport>> finished(std::map<PartKey, PartReport>& parts) {
        std::vector<PartReport> out;
        for (auto& [key, part] : parts) {
            SEYIR_TRY(const SegmentListPtr list, list_of(key.first, day_state(key.first)));
            part.is_whole_day = part.segments.size() == list->size();
            std::ranges::sort(part.segments);
            out.push_back(std::move(part));
        }
        return out;
    }

    void add(Nanos retention, const SegmentSummary& segment) {
        PartReport& part = parts_[{segment.day, retention}];
        part.day = segment.day;
        part.retention = retention;
        take(part, segment);
        taken_.insert(segment.id);
        taken_bytes_ += segment.file_bytes;
    }

    Core& core_;
    const View& view_;
    const RetentionPolicy& policy_;
    Retentions retentions_;
    std::map<PartKey, PartReport> parts_;
    std::map<PartKey, PartReport> held_;
    std::set<SegmentId> taken_;
    uint64_t taken_bytes_ = 0;
};

}  // namespace

std::string PartReport::name() const {
    if (is_whole_day) {
        return day.folder();
    }
    using std::chrono::hours;
    const auto whole_hours = std::chrono::duration_cast<hours>(retention).count();
    if (retention.count() == 0) {
        return day.folder() + "-size";
    }
    return whole_hours % 24 == 0 ? fmt::format("{}-kept{}d", day.folder(), whole_hours / 24)
                                 : fmt::format("{}-kept{}h", day.folder(), whole_hours);
}

Result<DueParts> due_parts(
    Core& core,
    const View& view,
    const DropRule& rule,
    const std::function<bool(const PartReport&)>& is_held
) {
    Search search(core, view, rule.retention);
    SEYIR_CHECK(search.by_age(rule.now));
    search.hold_back(is_held);
    if (rule.file_bytes_max > 0) {
        SEYIR_CHECK(search.by_size(rule.file_bytes_max));
    }
    return search.finish();
}

namespace {

std::vector<StagedCounts::Count> count_rows(
    const Core& core, const StageEntry& entry, const RecordBatch& batch
) {
    std::unordered_map<StreamFingerprint, StreamId> known;
    for (const StreamId id : entry.streams) {
        if (const StreamLabelsPtr labels = core.streams.labels(entry.tenant, id)) {
            known[labels->fingerprint()] = id;
        }
    }
    std::vector<StreamId> ids;
    for (const StreamLabelsPtr& labels : batch.streams()) {
        const auto at = known.find(labels->fingerprint());
        ids.push_back(at != known.end() ? at->second : 0);
    }
    std::map<std::pair<Day, StreamId>, StagedCounts::Count> counts;
    for (uint32_t i = 0; i < batch.row_count(); ++i) {
        const Day day = day_of(batch.ts(i));
        const StreamId stream = ids[batch.stream(i)];
        StagedCounts::Count& count = counts[{day, stream}];
        count.day = day;
        count.stream = stream;
        ++count.rows;
        count.raw_bytes += batch.body(i).size() + 1;
    }
    std::vector<StagedCounts::Count> out;
    for (const auto& [key, count] : counts) {
        out.push_back(count);
    }
    return out;
}

}  // namespace

Result<std::vector<PartReport>> staged_parts(
    Core& core, const View& view, const DropRule& rule, StagedCounts& known
) {
    const Nanos shortest = rule.retention.shortest();
    if (shortest.count() == 0) {
        return std::vector<PartReport>();
    }
    const UnixNanos first_kept = day_of(rule.now - shortest).begin();
    Retentions retentions(core, rule.retention);
    std::unordered_map<CommitNumber, StagedCounts::Batch> batches;
    std::map<PartKey, PartReport> parts;
    BatchDecoder decoder;
    view.stage.for_each([&](const StageEntry& entry) {
        if (entry.min_ts >= first_kept) {
            return;
        }
        const auto before = known.batches.find(entry.number);
        StagedCounts::Batch& own = batches[entry.number];
        if (before != known.batches.end() && before->second.xxh3 == entry.xxh3) {
            own = std::move(before->second);
        } else {
            const auto batch = core.read_stage(*view.snapshot, entry, decoder);
            if (!batch) {
                batches.erase(entry.number);
                return;  // the sealer reports those that cannot be read; they stay
            }
            own = {entry.xxh3, count_rows(core, entry, **batch)};
        }
        for (const StagedCounts::Count& count : own.counts) {
            const Nanos kept = retentions.of(entry.tenant, count.stream);
            if (kept.count() > 0 && count.day < day_of(rule.now - kept)) {
                PartReport& part = parts[{count.day, kept}];
                part.day = count.day;
                part.retention = kept;
                part.rows += count.rows;
                part.raw_bytes += count.raw_bytes;
            }
        }
    });
    known.batches = std::move(batches);
    std::vector<PartReport> out;
    for (auto& [key, part] : parts) {
        out.push_back(std::move(part));
    }
    return out;
}

}  // namespace seyir::store
