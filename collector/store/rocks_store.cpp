// SPDX-License-Identifier: Apache-2.0
#include "collector/store/rocks_store.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "collector/store/engine/committer.hpp"
#include "collector/store/engine/core.hpp"
#include "collector/store/engine/cursor.hpp"
#include "collector/store/engine/image.hpp"
#include "collector/store/engine/retention.hpp"
#include "collector/store/engine/sealer.hpp"
#include "collector/store/engine/volume_scan.hpp"
#include "collector/store/metric/metric_retention.hpp"

namespace seyir::store {

struct RocksStore::Rep {
    explicit Rep(std::shared_ptr<Core> shared)
        : core(std::move(shared)),
          committer(*core),
          sealer(*core, committer),
          retention(*core, committer, sealer),
          metric_retention(*core, committer) {}

    std::shared_ptr<Core> core;
    Committer committer;
    Sealer sealer;
    Retention retention;
    MetricRetention metric_retention;
};

RocksStore::RocksStore(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}

RocksStore::~RocksStore() {
    rep_->sealer.stop();
    rep_->committer.stop();
    rep_->core->close();
}

Result<std::unique_ptr<RocksStore>> RocksStore::open(RocksStoreOptions options) {
    auto core = std::make_shared<Core>(std::move(options));
    if (auto loaded = core->load(); !loaded) {
        Error error = std::move(loaded).error();
        if (error.code == ErrorCode::kCorrupt) {
            error.message += fmt::format(
                "; nothing was changed. What is damaged and what that costs: seyir doctor {0}; to "
                "repair it: seyir doctor {0} --repair",
                core->options.data_dir
            );
        }
        return error;
    }
    remove_image_folder(core->fs, core->options.data_dir);
    auto rep = std::make_unique<Rep>(std::move(core));
    Sealer& sealer = rep->sealer;
    rep->committer.on_stage_full([&sealer] { sealer.wake(); });
    SEYIR_CHECK(rep->committer.start());
    sealer.start();
    return std::unique_ptr<RocksStore>(new RocksStore(std::move(rep)));
}

void RocksStore::append(Commit commit, AppendDone done) {
    rep_->committer.enqueue(std::move(commit), std::move(done));
}

Result<uint32_t> RocksStore::begin_epoch(TenantId tenant, AgentId agent) {
    return rep_->committer.begin_epoch(tenant, agent);
}

Result<std::vector<CommittedPosition>> RocksStore::committed(
    TenantId tenant, AgentId agent, uint16_t output, const std::vector<SourceKey>& lanes
) {
    SEYIR_TRY(const auto database, rep_->core->open_database());
    std::vector<CommittedPosition> known;
    for (const SourceKey& source : lanes) {
        SEYIR_TRY(
            const auto bytes, database->get(Family::kLane, key::lane(tenant, agent, output, source))
        );
        if (bytes) {
            SEYIR_TRY(const LaneState state, decode_lane(*bytes));
            known.push_back({source, state.committed, state.tail_hash});
        }
    }
    return known;
}

Result<bool> RocksStore::knows_agent(TenantId tenant, AgentId agent) {
    SEYIR_TRY(const auto database, rep_->core->open_database());
    const std::string prefix = key::lane_agent_prefix(tenant, agent);
    bool has_lane = false;
    SEYIR_CHECK(database->scan(
        Family::kLane,
        prefix,
        key::prefix_end(prefix),
        [&](std::string_view, std::string_view) -> Result<bool> {
            has_lane = true;
            return false;
        }
    ));
    return has_lane;
}

Result<std::unique_ptr<RowCursor>> RocksStore::select(SelectQuery query) {
    SEYIR_TRY(View view, rep_->core->view());
    return std::unique_ptr<RowCursor>(
        std::make_unique<Cursor>(rep_->core, std::move(view), std::move(query))
    );
}

Result<std::vector<StreamLabelsPtr>> RocksStore::streams(TenantId tenant, TimeRange range) {
    SEYIR_TRY(const View view, rep_->core->view());
    SEYIR_TRY(const auto ids, stream_ids_in(*rep_->core, view, tenant, range));
    std::vector<StreamLabelsPtr> streams;
    for (const StreamId id : ids) {
        if (auto labels = rep_->core->streams.labels(tenant, id)) {
            streams.push_back(std::move(labels));
        }
    }
    return streams;
}

Result<Volume> RocksStore::volume(const VolumeQuery& query) {
    SEYIR_TRY(View view, rep_->core->view());
    return VolumeScan(*rep_->core, std::move(view), query).run();
}

std::shared_ptr<void> RocksStore::subscribe(OnCommitted on_committed) {
    return rep_->committer.subscribe(std::move(on_committed));
}

StoreStats RocksStore::stats() {
    Core& core = *rep_->core;
    StoreStats out;
    out.oldest = UnixNanos::max();
    out.newest = UnixNanos::min();
    const auto view = core.view();
    if (view) {
        for (const auto& [day, state] : *view->catalogue) {
            out.records += state.totals.rows;
            out.raw_bytes += state.totals.raw_bytes;
            out.disk_bytes += state.totals.file_bytes;
            out.segments += state.totals.segments;
            out.oldest = std::min(out.oldest, state.totals.min_ts);
            out.newest = std::max(out.newest, state.totals.max_ts);
        }
        out.partitions = view->catalogue->size();
        view->stage.for_each([&](const StageEntry& entry) {
            out.records += entry.rows;
            out.raw_bytes += entry.raw_bytes;
            out.stage_bytes += entry.payload_bytes;
            out.oldest = std::min(out.oldest, entry.min_ts);
            out.newest = std::max(out.newest, entry.max_ts);
        });
    }
    if (out.records == 0) {
        out.oldest = {};
        out.newest = {};
    }
    const std::string db = core.options.data_dir + "/db";
    for (const std::string& name : core.fs.list(db).value_or(std::vector<std::string>())) {
        if (const auto info = core.fs.stat(db + "/" + name)) {
            out.disk_bytes += info->size_bytes;
        }
    }
    out.store_id = core.store_id;
    out.restore_generation = core.restore_generation;
    return out;
}

StoreHealth RocksStore::health() {
    Core& core = *rep_->core;
    StoreHealth out;
    const DiskRoom room = core.disk_room();
    out.disk = room.state;
    out.free_bytes = room.free_bytes;
    out.corrupt_entries = core.corrupt_entries;
    out.days_held_back = core.days_held_back;
    out.is_clock_stepped = core.is_clock_stepped;
    {
        const std::lock_guard lock(core.trouble_mutex);
        out.message = core.trouble.empty() ? lost_logs_text(core.lost_logs) : core.trouble;
    }
    if (out.disk == DiskState::kHardMark) {
        out.message = core.no_room_text(room);
    } else if (out.message.empty() && out.corrupt_entries > 0) {
        out.message = fmt::format(
            "{} staged {} cannot be read",
            out.corrupt_entries,
            out.corrupt_entries == 1 ? "batch" : "batches"
        );
    }
    out.ok = out.message.empty();
    return out;
}

DiskRoom RocksStore::disk_room() const {
    return rep_->core->disk_room();
}

uint64_t RocksStore::segment_file_bytes() const {
    uint64_t bytes = 0;
    for (const auto& [day, state] : *rep_->core->catalogue.view()) {
        bytes += state.totals.file_bytes;
    }
    return bytes;
}

std::vector<TenantId> RocksStore::tenants() {
    return rep_->core->streams.tenants();
}

Result<void> RocksStore::maintain() {
    rep_->retention.watch_clock();
    SEYIR_CHECK(rep_->core->look_for_deleted_notes());
    if (rep_->sealer.is_day_end_due()) {
        if (rep_->core->options.threads) {
            rep_->sealer.wake();
        } else {
            SEYIR_CHECK(rep_->sealer.seal(SealScope::kDue));
        }
    }
    if (!rep_->retention.is_unsure()) {
        SEYIR_CHECK(rep_->metric_retention.run());
    }
    return {};
}

Result<MetricView> RocksStore::metrics(TenantId tenant) {
    SEYIR_TRY(View view, rep_->core->view());
    return MetricView(std::move(view.snapshot), tenant);
}

Result<void> RocksStore::seal(SealScope scope) {
    return rep_->sealer.seal(scope);
}

Result<DropReport> RocksStore::due(const DropRule& rule, bool confirm) {
    return rep_->retention.due(rule, confirm);
}

Result<void> RocksStore::drop(const std::vector<PartReport>& parts, UnixNanos floor, bool confirm) {
    return rep_->retention.drop(parts, floor, confirm);
}

Result<std::unique_ptr<RowCursor>> RocksStore::select_segments(
    TenantId tenant, Day day, std::vector<SegmentId> segments
) {
    SEYIR_TRY(View view, rep_->core->view());
    SelectQuery query;
    query.tenant = tenant;
    query.range = {day.begin(), day.end()};
    query.direction = Direction::kForward;
    return std::unique_ptr<RowCursor>(
        std::make_unique<Cursor>(rep_->core, std::move(view), std::move(query), std::move(segments))
    );
}

Result<uint32_t> RocksStore::raise_restore_generation() {
    Core& core = *rep_->core;
    SEYIR_CHECK(rep_->committer.run_exclusive([&]() -> Result<void> {
        SEYIR_TRY(const auto database, rep_->committer.writable_database());
        WriteSet set = database->new_write();
        const uint32_t next = core.restore_generation + 1;
        set.put(Family::kMeta, key::kRestoreGeneration, encode_u64(next));
        SEYIR_CHECK(database->write(std::move(set)));
        core.restore_generation = next;
        return {};
    }));
    return core.restore_generation.load();
}

Result<BackupImagePtr> RocksStore::hold_image() {
    return store::hold_image(*rep_->core, rep_->committer);
}

size_t RocksStore::run_queued() {
    return rep_->core->options.threads ? 0 : rep_->committer.run_queued();
}

Result<void> RocksStore::flush() {
    SEYIR_TRY(const auto database, rep_->core->open_database());
    return database->flush();
}

}  // namespace seyir::store
