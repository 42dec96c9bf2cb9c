// SPDX-License-Identifier: Apache-2.0
#include "collector/store/volume_counter.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "collector/store/format/run_counts.hpp"
#include "common/record/level.hpp"

namespace seyir::store {

VolumeCounter::Stream& VolumeCounter::stream(const StreamLabelsPtr& labels) {
    Stream& found = streams_[labels->fingerprint()];
    if (found.labels == nullptr) {
        found.labels = labels;
    }
    return found;
}

Result<VolumeCounter::Counts*> VolumeCounter::cell(Stream& stream, uint32_t bucket, uint8_t level) {
    const auto [at, is_new] = stream.cells.try_emplace(uint64_t{bucket} * kLevels + level);
    if (is_new && ++cells_ > kVolumeCellsMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format(
                "the volume holds more than {} streams times steps; use a longer step or select "
                "fewer streams",
                kVolumeCellsMax
            )
        );
    }
    return &at->second;
}

Result<void> VolumeCounter::add(
    const StreamLabelsPtr& labels, uint32_t bucket, uint8_t level, uint64_t rows, uint64_t bytes
) {
    if (rows == 0) {
        return {};
    }
    SEYIR_TRY(Counts * counts, cell(stream(labels), bucket, query_.by_level ? level : 0));
    counts->rows += rows;
    counts->bytes += bytes;
    return {};
}

Result<void> VolumeCounter::add(const Page& page) {
    const RecordBatch& batch = *page.batch;
    if (query_.by_level) {
        has_level_attrs_ =
            has_level_attrs_ || std::ranges::any_of(batch.keys(), [](std::string_view key) {
                return is_shown_as_level(key);
            });
    }
    std::vector<Stream*> streams(batch.streams().size());
    Result<void> outcome;
    for_each_row({page.batch, page.rows}, [&](uint32_t i) {
        if (!outcome || !query_.range.contains(batch.ts(i))) {
            return;
        }
        Stream*& found = streams[batch.stream(i)];
        if (found == nullptr) {
            found = &stream(batch.streams()[batch.stream(i)]);
        }
        const uint8_t level = query_.by_level ? level_index(level_of_row(batch, i)) : 0;
        const auto counts = cell(*found, bucket_of(batch.ts(i)), level);
        if (!counts) {
            outcome = counts.error();
            return;
        }
        ++(*counts)->rows;
        (*counts)->bytes += batch.body(i).size();
    });
    return outcome;
}

Volume VolumeCounter::finish(const CursorStats& stats) {
    Volume volume;
    volume.stats = stats;
    volume.has_level_attrs = has_level_attrs_;
    for (auto& [fingerprint, stream] : streams_) {
        StreamVolume& out = volume.streams.emplace_back();
        out.labels = std::move(stream.labels);
        out.cells.reserve(stream.cells.size());
        for (const auto& [key, counts] : stream.cells) {
            out.cells.push_back(
                {static_cast<uint32_t>(key / kLevels),
                 static_cast<uint8_t>(key % kLevels),
                 counts.rows,
                 counts.bytes}
            );
        }
        std::ranges::sort(out.cells, {}, [](const VolumeCell& cell) {
            return std::pair(cell.bucket, cell.level);
        });
    }
    streams_.clear();
    return volume;
}

Result<Volume> scan_volume(LogStore& store, const VolumeQuery& query) {
    SelectQuery select{.tenant = query.tenant, .range = query.range};
    select.stream_matches = query.stream_matches;
    SEYIR_TRY(const auto cursor, store.select(std::move(select)));
    VolumeCounter counter(query);
    while (true) {
        if (query.cancelled && query.cancelled()) {
            return fail(ErrorCode::kCancelled, "the client has gone");
        }
        SEYIR_TRY(const auto page, cursor->next());
        if (!page) {
            return counter.finish(cursor->stats());
        }
        SEYIR_CHECK(counter.add(*page));
    }
}

}  // namespace seyir::store
