// SPDX-License-Identifier: Apache-2.0
#include "collector/store/engine/block_builder.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace seyir::store {
namespace {

constexpr KeyIndex kNoKey = std::numeric_limits<KeyIndex>::max();

/// What was already carried over from one source batch.
struct Source {
    std::vector<KeyIndex> keys;
    std::vector<uint16_t> streams;
    AttrRange last_from{UINT32_MAX, 0};
    AttrRange last_to;
};

constexpr uint16_t kNoStream = 0xffff;

AttrRange copy_attrs(
    const RecordBatch& from, const Row& row, size_t i, Source& source, RecordBatch& to
) {
    if (row.attrs == source.last_from) {
        return source.last_to;
    }
    std::vector<Attr> attrs(from.attrs(i).begin(), from.attrs(i).end());
    for (Attr& attr : attrs) {
        KeyIndex& key = source.keys[attr.key];
        if (key == kNoKey) {
            key = to.add_key(from.keys()[attr.key]);
        }
        attr.key = key;
    }
    source.last_from = row.attrs;
    source.last_to = attrs.empty() ? AttrRange{} : to.add_attrs(attrs);
    return source.last_to;
}

}  // namespace

/// Rows come as many stretches already in order: they are dealt out by stream first, and a stream
/// is sorted only if its stretches overlap.
void sort_rows(std::vector<RowRef>& rows) {
    std::map<StreamId, size_t> places;
    for (const RowRef& ref : rows) {
        ++places[ref.stream];
    }
    std::vector<size_t> ends;
    size_t begin = 0;
    for (auto& [stream, count] : places) {
        const size_t end = begin + count;
        ends.push_back(end);
        count = std::exchange(begin, end);
    }
    std::vector<RowRef> dealt(rows.size());
    StreamId last = 0;
    size_t* place = nullptr;
    for (const RowRef& ref : rows) {
        if (place == nullptr || ref.stream != last) {
            last = ref.stream;
            place = &places[last];
        }
        dealt[(*place)++] = ref;
    }
    const auto by_time = [](const RowRef& a, const RowRef& b) {
        return std::tie(a.ts, a.order) < std::tie(b.ts, b.order);
    };
    begin = 0;
    for (const size_t end : ends) {
        const auto stream = std::span(dealt).subspan(begin, end - begin);
        if (!std::ranges::is_sorted(stream, by_time)) {
            std::ranges::sort(stream, by_time);
        }
        begin = end;
    }
    rows = std::move(dealt);
}

Block build_block(TenantId tenant, std::span<const RowRef> rows) {
    Block block{std::make_shared<RecordBatch>(tenant), {}};
    RecordBatch& to = *block.batch;
    to.reserve_rows(rows.size());
    std::unordered_map<const RecordBatch*, Source> sources;
    for (const RowRef& ref : rows) {
        const RecordBatch& from = **ref.batch;
        auto [at, is_new] = sources.try_emplace(&from);
        Source& source = at->second;
        if (is_new) {
            to.arena().adopt(*ref.batch, 0);
            source.keys.assign(from.keys().size(), kNoKey);
            source.streams.assign(from.streams().size(), kNoStream);
        }
        Row row = from.row(ref.row);
        uint16_t& stream = source.streams[row.stream];
        if (stream == kNoStream) {
            stream = to.add_stream(from.streams()[row.stream]);
        }
        row.stream = stream;
        row.origin = kNoOrigin;
        row.attrs = copy_attrs(from, row, ref.row, source, to);
        to.append_row(row);
        if (block.runs.empty() || block.runs.back().stream != ref.stream) {
            block.runs.push_back({ref.stream, 0, ref.ts, ref.ts});
        }
        ++block.runs.back().rows;
        block.runs.back().max_ts = ref.ts;
    }
    return block;
}

}  // namespace seyir::store
