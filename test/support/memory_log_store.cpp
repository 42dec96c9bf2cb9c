// SPDX-License-Identifier: Apache-2.0
#include "test/support/memory_log_store.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/record/batch_editor.hpp"
#include "common/record/level.hpp"

namespace seyir::store {
namespace {

struct EdgedPage {
    Page page;
    UnixNanos edge;
    uint64_t raw_bytes = 0;
    size_t commit = 0;  ///< tie-break: equal edges keep commit order
};

class MemoryCursor final : public RowCursor {
  public:
    MemoryCursor(std::vector<EdgedPage> pages, CursorStats stats)
        : pages_(std::move(pages)), stats_(stats) {}

    Result<std::optional<Page>> next() override {
        if (at_ == pages_.size()) {
            return std::optional<Page>();
        }
        const EdgedPage& page = pages_[at_++];
        ++stats_.blocks_read;
        stats_.rows_read += page.page.rows.count(page.page.batch->row_count());
        stats_.raw_bytes_read += page.raw_bytes;
        return std::optional<Page>(page.page);
    }

    std::optional<UnixNanos> next_bound() const override {
        if (at_ == pages_.size()) {
            return std::nullopt;
        }
        return pages_[at_].edge;
    }

    CursorStats stats() const override { return stats_; }

  private:
    std::vector<EdgedPage> pages_;
    size_t at_ = 0;
    CursorStats stats_;
};

/// The rows of a commit that a query asks for; nothing when there are none.
std::optional<EdgedPage> matching_rows(const BatchView& view, const SelectQuery& query) {
    const RecordBatch& batch = *view.batch;
    std::vector<bool> stream_wanted(batch.streams().size(), true);
    if (query.stream_matches) {
        for (size_t i = 0; i < stream_wanted.size(); ++i) {
            stream_wanted[i] = query.stream_matches(*batch.streams()[i]);
        }
    }
    EdgedPage page;
    const bool backward = query.direction == Direction::kBackward;
    page.edge = backward ? UnixNanos::min() : UnixNanos::max();
    std::vector<uint32_t> rows;
    for_each_row(view, [&](uint32_t i) {
        if (!stream_wanted[batch.stream(i)] || !query.range.contains(batch.ts(i))) {
            return;
        }
        rows.push_back(i);
        page.raw_bytes += batch.body(i).size() + 1;
        page.edge = backward ? std::max(page.edge, batch.ts(i)) : std::min(page.edge, batch.ts(i));
    });
    if (rows.empty()) {
        return std::nullopt;
    }
    page.page = {view.batch, Selection::of(std::move(rows))};
    return page;
}

}  // namespace

MemoryLogStore::MemoryLogStore(io::Clock& clock) : clock_(clock) {
    stats_.store_id = StoreId::random();
}

void MemoryLogStore::append(Commit commit, AppendDone done) {
    std::vector<std::shared_ptr<OnCommitted>> subscribers;
    commit.view = without_parsed_attrs(std::move(commit.view));
    std::unique_lock lock(mutex_);
    auto outcome = commit_locked(commit);
    for (const auto& [id, subscriber] : subscribers_) {
        subscribers.push_back(subscriber);
    }
    lock.unlock();
    if (!outcome) {
        done(std::move(outcome).error());
        return;
    }
    auto& [durable, stored] = *outcome;
    if (stored.batch && stored.row_count() > 0) {
        for (const auto& subscriber : subscribers) {
            (*subscriber)(stored);
        }
    }
    done(std::move(durable));
}

LaneVerdict MemoryLogStore::judge(
    const LaneKey& key, const SourcePosition& position, Lanes& pending
) {
    using Kind = LaneVerdict::Kind;
    LaneState state;
    if (const auto at = pending.find(key); at != pending.end()) {
        state = at->second;
    } else if (const auto known = lanes_.find(key); known != lanes_.end()) {
        state = known->second;
    }
    LaneVerdict verdict{position.key, Kind::kStored, state.committed, state.tail_hash};
    const bool jumps = position.lane_start && position.begin > state.committed;
    if (position.begin == state.committed || jumps) {
        skipped_bytes_ += position.begin - state.committed;
        pending[key] = {position.end, position.tail_hash};
        verdict.committed = position.end;
        verdict.tail_hash = position.tail_hash;
    } else if (position.end <= state.committed) {
        verdict.kind = Kind::kDuplicate;
    } else {
        verdict.kind = position.begin < state.committed ? Kind::kRewind : Kind::kGap;
    }
    return verdict;
}

Result<void> MemoryLogStore::check_epoch(const RecordBatch& batch) {
    const Provenance& from = batch.provenance();
    if (!from.agent.is_zero()) {
        const uint32_t current = epochs_[{batch.tenant(), from.agent}];
        if (from.epoch < current) {
            return fail(
                ErrorCode::kConflict,
                fmt::format(
                    "epoch {} of agent {} is fenced by epoch {}",
                    from.epoch,
                    from.agent.to_hex(),
                    current
                )
            );
        }
    }
    return {};
}

Result<std::pair<Durable, BatchView>> MemoryLogStore::commit_locked(const Commit& commit) {
    if (append_error_) {
        return *append_error_;
    }
    const RecordBatch& batch = *commit.view.batch;
    const Provenance& from = batch.provenance();
    const auto rows = static_cast<uint32_t>(commit.view.row_count());
    SEYIR_CHECK(check_epoch(batch));
    if (!from.push_hash.is_zero()) {
        forget_old_hashes();
        if (!push_hashes_.try_emplace({batch.tenant(), from.push_hash}, clock_.steady_now())
                 .second) {
            return std::pair(Durable{.duplicate = rows}, BatchView{});
        }
    }
    Durable durable;
    Lanes pending;
    std::vector<LaneVerdict::Kind> kinds;
    for (const SourcePosition& position : batch.positions()) {
        const LaneKey key{batch.tenant(), from.agent, commit.output, position.key};
        const LaneVerdict verdict = judge(key, position, pending);
        kinds.push_back(verdict.kind);
        if (verdict.kind != LaneVerdict::Kind::kStored) {
            durable.lanes.push_back(verdict);
        }
    }
    std::vector<uint32_t> stored;
    for_each_row(commit.view, [&](uint32_t i) {
        const uint16_t origin = batch.origin(i);
        const auto kind = origin == kNoOrigin ? LaneVerdict::Kind::kStored : kinds[origin];
        if (kind == LaneVerdict::Kind::kStored) {
            stored.push_back(i);
            stats_.raw_bytes += batch.body(i).size() + 1;
        }
        durable.duplicate += kind == LaneVerdict::Kind::kDuplicate ? 1 : 0;
    });
    for (const auto& [key, state] : pending) {
        lanes_[key] = state;
    }
    durable.accepted = static_cast<uint32_t>(stored.size());
    stats_.records += stored.size();
    BatchView view{commit.view.batch, Selection::of(std::move(stored))};
    if (durable.accepted > 0) {
        commits_.push_back(view);
    }
    return std::pair(std::move(durable), std::move(view));
}

void MemoryLogStore::forget_old_hashes() {
    const SteadyTime now = clock_.steady_now();
    std::erase_if(push_hashes_, [&](const auto& entry) {
        return now - entry.second > kPushHashKept;
    });
}

Result<uint32_t> MemoryLogStore::begin_epoch(TenantId tenant, AgentId agent) {
    const std::scoped_lock lock(mutex_);
    return ++epochs_[{tenant, agent}];
}

Result<std::vector<CommittedPosition>> MemoryLogStore::committed(
    TenantId tenant, AgentId agent, uint16_t output, const std::vector<SourceKey>& lanes
) {
    const std::scoped_lock lock(mutex_);
    std::vector<CommittedPosition> positions;
    for (const SourceKey& key : lanes) {
        const auto at = lanes_.find({tenant, agent, output, key});
        if (at != lanes_.end()) {
            positions.push_back({key, at->second.committed, at->second.tail_hash});
        }
    }
    return positions;
}

Result<bool> MemoryLogStore::knows_agent(TenantId tenant, AgentId agent) {
    const std::scoped_lock lock(mutex_);
    return std::ranges::any_of(lanes_, [&](const auto& lane) {
        return lane.first.tenant == tenant && lane.first.agent == agent;
    });
}

Result<std::unique_ptr<RowCursor>> MemoryLogStore::select(SelectQuery query) {
    std::vector<EdgedPage> pages;
    CursorStats stats;
    {
        const std::scoped_lock lock(mutex_);
        for (const BatchView& view : commits_) {
            if (view.batch->tenant() != query.tenant) {
                continue;
            }
            if (auto page = matching_rows(view, query)) {
                page->commit = pages.size();
                page->page.order = {true, page->commit, 0};
                pages.push_back(std::move(*page));
            }
        }
        stats.blocks_total = commits_.size();
    }
    stats.blocks_pruned = stats.blocks_total - pages.size();
    const bool backward = query.direction == Direction::kBackward;
    std::ranges::sort(pages, [&](const EdgedPage& a, const EdgedPage& b) {
        if (a.edge == b.edge) {
            return a.commit < b.commit;
        }
        return backward ? a.edge > b.edge : a.edge < b.edge;
    });
    return std::unique_ptr<RowCursor>(std::make_unique<MemoryCursor>(std::move(pages), stats));
}

Result<std::vector<StreamLabelsPtr>> MemoryLogStore::streams(TenantId tenant, TimeRange range) {
    const std::scoped_lock lock(mutex_);
    std::map<StreamFingerprint, StreamLabelsPtr> found;
    for (const BatchView& view : commits_) {
        const RecordBatch& batch = *view.batch;
        if (batch.tenant() != tenant) {
            continue;
        }
        for_each_row(view, [&](uint32_t i) {
            if (range.contains(batch.ts(i))) {
                const StreamLabelsPtr& labels = batch.streams()[batch.stream(i)];
                found.emplace(labels->fingerprint(), labels);
            }
        });
    }
    std::vector<StreamLabelsPtr> streams;
    for (auto& [fingerprint, labels] : found) {
        streams.push_back(std::move(labels));
    }
    return streams;
}

Result<Volume> MemoryLogStore::volume(const VolumeQuery& query) {
    const std::scoped_lock lock(mutex_);
    using CellKey = std::pair<uint32_t, uint8_t>;
    std::map<StreamFingerprint, std::map<CellKey, VolumeCell>> cells;
    std::map<StreamFingerprint, StreamLabelsPtr> streams;
    Volume volume;
    for (const BatchView& view : commits_) {
        const RecordBatch& batch = *view.batch;
        for_each_row(view, [&](uint32_t i) {
            const StreamLabelsPtr& labels = batch.streams()[batch.stream(i)];
            if (batch.tenant() != query.tenant || !query.range.contains(batch.ts(i)) ||
                (query.stream_matches && !query.stream_matches(*labels))) {
                return;
            }
            CellKey key{0, 0};
            if (query.bucket.count() > 0) {
                const uint64_t since = static_cast<uint64_t>(batch.ts(i).value) -
                                       static_cast<uint64_t>(query.range.begin.value);
                key.first =
                    static_cast<uint32_t>(since / static_cast<uint64_t>(query.bucket.count()));
            }
            if (query.by_level) {
                key.second = level_index(level_of_row(batch, i));
                for (const Attr& attr : batch.attrs(i)) {
                    const std::string_view name = batch.keys()[attr.key];
                    volume.has_level_attrs |= name == "level" || name == kDetectedLevel;
                }
            }
            streams.emplace(labels->fingerprint(), labels);
            VolumeCell& cell = cells[labels->fingerprint()][key];
            cell.bucket = key.first;
            cell.level = key.second;
            cell.rows += 1;
            cell.bytes += batch.body(i).size();
        });
    }
    for (const auto& [fingerprint, labels] : streams) {
        StreamVolume& out = volume.streams.emplace_back();
        out.labels = labels;
        for (const auto& [key, cell] : cells[fingerprint]) {
            out.cells.push_back(cell);
        }
    }
    volume.stats.blocks_total = commits_.size();
    return volume;
}

std::shared_ptr<void> MemoryLogStore::subscribe(OnCommitted on_committed) {
    const std::scoped_lock lock(mutex_);
    const uint64_t id = next_subscriber_++;
    subscribers_.emplace(id, std::make_shared<OnCommitted>(std::move(on_committed)));
    return std::shared_ptr<void>(this, [id, alive = std::weak_ptr(alive_)](MemoryLogStore* store) {
        if (alive.lock()) {
            const std::scoped_lock relock(store->mutex_);
            store->subscribers_.erase(id);
        }
    });
}

StoreStats MemoryLogStore::stats() {
    const std::scoped_lock lock(mutex_);
    StoreStats stats = stats_;
    stats.oldest = UnixNanos::max();
    stats.newest = UnixNanos::min();
    for (const BatchView& view : commits_) {
        for_each_row(view, [&](uint32_t i) {
            stats.oldest = std::min(stats.oldest, view.batch->ts(i));
            stats.newest = std::max(stats.newest, view.batch->ts(i));
        });
    }
    stats.stage_bytes = stats.raw_bytes;
    return stats;
}

void MemoryLogStore::fail_appends(std::optional<Error> error) {
    const std::scoped_lock lock(mutex_);
    append_error_ = std::move(error);
}

std::vector<BatchView> MemoryLogStore::commits() const {
    const std::scoped_lock lock(mutex_);
    return commits_;
}

uint64_t MemoryLogStore::skipped_bytes() const {
    const std::scoped_lock lock(mutex_);
    return skipped_bytes_;
}

void MemoryLogStore::set_restore_generation(uint32_t generation) {
    const std::scoped_lock lock(mutex_);
    stats_.restore_generation = generation;
}

}  // namespace seyir::store
