// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/seal_job.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "collector/store/columns/block_verify.hpp"
#include "collector/store/engine/block_filter.hpp"
#include "common/base/log.hpp"

namespace seyir::store {
namespace {

constexpr size_t kOpenGroupsMax = 64;
constexpr size_t kStreamsPerBlockMax = 2048;
constexpr uint64_t kSegmentRawBytesMax = 256 * kMiB;

uint64_t raw_bytes_of(const RowRef& ref) {
    return (*ref.batch)->body(ref.row).size() + 1;
}

}  // namespace

SealJob::SealJob(
    Core& core,
    columns::BlockEncoder& encoder,
    View view,
    Plan plan,
    Pace pace,
    const std::atomic<bool>& is_stopping
)
    : core_(core),
      encoder_(encoder),
      view_(std::move(view)),
      plan_(plan),
      pace_(std::move(pace)),
      is_stopping_(is_stopping) {}

Result<void> SealJob::run(const std::set<CommitNumber>& unreadable) {
    Result<void> outcome;
    std::vector<const StageEntry*> entries;
    view_.stage.for_each([&](const StageEntry& entry) {
        const bool is_taken = !plan_.merges_below || entry.payload_bytes < *plan_.merges_below;
        if (is_taken && !unreadable.contains(entry.number)) {
            entries.push_back(&entry);
        }
    });
    for (const StageEntry* entry : entries) {
        if (is_stopping_ || core_.is_reopening) {
            return fail(ErrorCode::kCancelled, "the database is closing");
        }
        if (total_raw_bytes_ >= plan_.raw_bytes_max) {
            break;
        }
        SEYIR_CHECK(pace_.run([&] { return take(*entry); }));
        if (slice_raw_bytes_ >= core_.options.seal_slice_raw_bytes) {
            SEYIR_CHECK(end_slice(false));
            tell_progress(payload_bytes_);
        }
    }
    std::ranges::sort(sealed);
    return end_slice(true);
}

/// What is only joined stays in the stage.
void SealJob::tell_progress(uint64_t payload_bytes) {
    if (!plan_.merges_below && payload_bytes > told_bytes_) {
        told_bytes_ = payload_bytes;
        pace_.on_progress(payload_bytes);
    }
}

/// Reads one staged batch; one that cannot be read is noted and left out.
Result<void> SealJob::take(const StageEntry& entry) {
    auto batch = core_.read_stage(*view_.snapshot, entry, decoder_);
    if (!batch) {
        if (batch.error().code == ErrorCode::kIo) {
            return batch.error();
        }
        log::error("store", "a staged batch cannot be read", {{"error", batch.error().message}});
        newly_unreadable.push_back(entry);
        return {};
    }
    take_rows(*batch);
    sealed.push_back(entry.number);
    slice_raw_bytes_ += entry.raw_bytes;
    total_raw_bytes_ += entry.raw_bytes;
    payload_bytes_ += entry.payload_bytes;
    return {};
}

void SealJob::take_rows(const RecordBatchPtr& batch) {
    const RecordBatchPtr& kept = slice_.emplace_back(batch);
    std::vector<StreamId> ids;
    std::vector<Nanos> retentions;
    for (const StreamLabelsPtr& labels : batch->streams()) {
        // Known since the batch was staged; the limit was kept then.
        ids.push_back(core_.streams.add(batch->tenant(), labels, new_streams).value_or(0));
        retentions.push_back(core_.options.retention.of(*labels));
    }
    Group* group = nullptr;
    TimeRange group_range{UnixNanos::max(), UnixNanos::min()};
    Nanos group_retention{0};
    for (uint32_t i = 0; i < batch->row_count(); ++i) {
        const UnixNanos ts = batch->ts(i);
        if (ts < view_.floor) {
            ++expired_rows;
            continue;
        }
        const Nanos retention = retentions[batch->stream(i)];
        if (group == nullptr || !group_range.contains(ts) || group_retention != retention) {
            const Day day = day_of(ts);
            group = &groups_[{batch->tenant(), day, retention}];
            group_range = {day.begin(), day.end()};
            group_retention = retention;
        }
        const auto order = static_cast<uint32_t>(group->rows.size());
        group->rows.push_back({ids[batch->stream(i)], i, ts, order, &kept});
    }
}

Result<void> SealJob::end_slice(bool is_last) {
    for (auto& [key, group] : groups_) {
        sort_rows(group.rows);
        SEYIR_TRY(const size_t done, cut_blocks(key, group));
        hold(key, group, done);
    }
    slice_.clear();
    slice_raw_bytes_ = 0;
    if (is_last || groups_.size() > kOpenGroupsMax) {
        return end_groups();
    }
    return {};
}

/// Emits whole blocks; gives back how many rows are in them.
Result<size_t> SealJob::cut_blocks(const GroupKey& key, Group& group) {
    size_t begin = 0;
    uint64_t raw_bytes = 0;
    size_t streams = 0;
    for (size_t i = 0; i < group.rows.size(); ++i) {
        raw_bytes += raw_bytes_of(group.rows[i]);
        streams += i == begin || group.rows[i].stream != group.rows[i - 1].stream ? 1 : 0;
        if (raw_bytes >= core_.options.block_raw_bytes || streams >= kStreamsPerBlockMax) {
            SEYIR_CHECK(emit(key, group, std::span(group.rows).subspan(begin, i + 1 - begin)));
            begin = i + 1;
            raw_bytes = 0;
            streams = 0;
        }
    }
    return begin;
}

/// Copies the rows from `first` on, so that the slice's batches can go.
void SealJob::hold(const GroupKey& key, Group& group, size_t first) {
    if (first == group.rows.size()) {
        group.rows.clear();
        group.held.reset();
        return;
    }
    const auto rest = std::span(group.rows).subspan(first);
    const Block block = build_block(key.tenant, rest);
    auto held =
        std::make_unique<RecordBatchPtr>(std::make_shared<RecordBatch>(clone_rows({block.batch, {}})
        ));
    std::vector<RowRef> rows;
    rows.reserve(rest.size());
    for (uint32_t i = 0; i < rest.size(); ++i) {
        rows.push_back({rest[i].stream, i, rest[i].ts, i, held.get()});
    }
    group.rows = std::move(rows);
    group.held = std::move(held);
}

/// The end of a pass: what is left becomes last blocks, or goes back to the stage.
Result<void> SealJob::end_groups() {
    const bool wrote_any = !segments.empty() || std::ranges::any_of(groups_, [](const auto& group) {
        return group.second.writer != nullptr;
    });
    // A day that ended is written out whole, which is progress too.
    const bool writes_old = std::ranges::any_of(groups_, [&](const auto& group) {
        return group.first.day < plan_.carries_from && !group.second.rows.empty();
    });
    uint64_t carried_bytes = 0;
    for (auto& [key, group] : groups_) {
        if (!group.rows.empty()) {
            const bool is_small = group.writer == nullptr && key.day >= plan_.carries_from;
            if (plan_.carries && is_small && (wrote_any || writes_old) &&
                carried_bytes <= total_raw_bytes_ / 4) {
                for (const RowRef& ref : group.rows) {
                    carried_bytes += raw_bytes_of(ref);
                }
                SEYIR_CHECK(carry(key.tenant, group.rows));
            } else {
                SEYIR_CHECK(emit(key, group, group.rows));
            }
        }
        SEYIR_CHECK(finish(key, group));
    }
    groups_.clear();
    return {};
}

/// As columns; as one payload should they not read back the same.
Result<void> SealJob::add_block(SegmentWriter& writer, Block block) {
    auto [encoded, keys] = encode_block(*block.batch, encoder_, filter_keys_);
    const auto verified = columns::verify(encoded, *block.batch);
    if (!verified) {
        core_.counters.payload_blocks.add();
        log::error(
            "store",
            "a block's columns do not read back as its rows, which are kept as one payload",
            {{"error", verified.error().message}}
        );
    }
    SEYIR_CHECK(
        writer.add_block({block.batch, {}}, std::move(block.runs), verified ? &encoded : nullptr)
    );
    writer.add_filter_keys(std::move(keys));
    return {};
}

Result<void> SealJob::emit(const GroupKey& key, Group& group, std::span<const RowRef> rows) {
    if (plan_.merges_below) {
        return carry(key.tenant, rows);
    }
    if (group.writer == nullptr) {
        const SegmentId id = core_.next_segment++;
        SEYIR_TRY(group.writer, SegmentWriter::create(core_.files, key.tenant, key.day, id));
    }
    const auto added =
        pace_.run([&] { return add_block(*group.writer, build_block(key.tenant, rows)); });
    if (!added && added.error().code == ErrorCode::kTooLarge && rows.size() > 1) {
        // Many attributes: the payload has limits of its own.
        const size_t half = rows.size() / 2;
        SEYIR_CHECK(emit(key, group, rows.first(half)));
        return emit(key, group, rows.subspan(half));
    }
    SEYIR_CHECK(added);
    for (const RowRef& ref : rows) {
        block_raw_bytes_ += raw_bytes_of(ref);
    }
    const double done = static_cast<double>(block_raw_bytes_) /
                        static_cast<double>(std::max(total_raw_bytes_, block_raw_bytes_));
    tell_progress(static_cast<uint64_t>(done * static_cast<double>(payload_bytes_)));
    if (group.writer->raw_bytes() >= kSegmentRawBytesMax) {
        return finish(key, group);
    }
    return {};
}

Result<void> SealJob::carry(TenantId tenant, std::span<const RowRef> rows) {
    const Block block = build_block(tenant, rows);
    auto encoded = encode_batch({block.batch, {}}, PayloadCodec::kLz4);
    if (!encoded && encoded.error().code == ErrorCode::kTooLarge && rows.size() > 1) {
        SEYIR_CHECK(carry(tenant, rows.first(rows.size() / 2)));
        return carry(tenant, rows.subspan(rows.size() / 2));
    }
    SEYIR_CHECK(encoded);
    CarriedRows& out = carried.emplace_back();
    out.entry.tenant = tenant;
    out.entry.rows = static_cast<uint32_t>(rows.size());
    out.entry.raw_bytes = block.batch->raw_bytes();
    out.entry.payload_bytes = static_cast<uint32_t>(encoded->bytes->size());
    out.entry.xxh3 = encoded->xxh3;
    out.entry.min_ts = block.batch->min_ts();
    out.entry.max_ts = block.batch->max_ts();
    for (const StreamRun& run : block.runs) {
        out.entry.streams.push_back(run.stream);
    }
    out.payload = std::move(*encoded);
    return {};
}

Result<void> SealJob::finish(const GroupKey& key, Group& group) {
    if (group.writer == nullptr) {
        return {};
    }
    const auto writer = std::move(group.writer);
    return pace_.run([&]() -> Result<void> {
        SEYIR_TRY(auto finished, writer->finish([&](StreamId stream) {
            return core_.streams.labels(key.tenant, stream);
        }));
        segments.push_back(std::move(finished));
        return {};
    });
}

}  // namespace seyir::store
