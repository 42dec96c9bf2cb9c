// SPDX-License-Identifier: Apache-2.0
// What tests of the store share: building batches as agents send them, appending and waiting,
// reading everything back.
#pragma once

#include <algorithm>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "collector/store/rocks_store.hpp"
#include "common/record/batch_codec.hpp"

namespace seyir::test {

inline constexpr UnixNanos kNoon{1'767'268'800'000'000'000};  // 2026-01-01T12:00:00Z

inline AgentId agent(uint64_t n) {
    return {0xa6e27, n};
}

inline SourceKey source(uint64_t n, uint32_t generation = 0) {
    return {{0x50c, n}, generation};
}

inline StreamLabelsPtr labels(std::vector<StreamLabels::Pair> pairs) {
    auto made = StreamLabels::make(std::move(pairs));
    REQUIRE(made.has_value());
    return *made;
}

inline StreamLabelsPtr stream_of(std::string_view name) {
    return labels({{"host", "h1"}, {"input", std::string(name)}});
}

/// A batch as an agent makes it: one stretch of one source, one row per line.
struct Frame {
    AgentId from = agent(1);
    uint32_t epoch = 0;
    SourceKey key = source(1);
    uint64_t begin = 0;
    std::vector<std::string> lines;
    UnixNanos ts = kNoon;  ///< of the first row; later ones follow by a microsecond
    StreamLabelsPtr stream = stream_of("app");
    bool lane_start = false;
    TenantId tenant = TenantId::kDefault;

    uint64_t end() const {
        uint64_t at = begin;
        for (const std::string& line : lines) {
            at += line.size() + 1;
        }
        return at;
    }

    RecordBatch build() const {
        RecordBatch batch(tenant);
        const uint16_t stream_index = batch.add_stream(stream);
        const uint16_t origin = batch.add_position(
            {.key = key,
             .begin = begin,
             .end = end(),
             .tail_hash = end() * 31,
             .cursor = "",
             .lane_start = lane_start}
        );
        const std::vector<Attr> attrs = {
            {batch.add_key("filename"), Value::string(batch.arena().copy("/var/log/app.log"))}
        };
        const AttrRange range = batch.add_attrs(attrs);
        for (size_t i = 0; i < lines.size(); ++i) {
            Row row;
            row.ts = {ts.value + static_cast<int64_t>(i) * 1000};
            row.stream = stream_index;
            row.origin = origin;
            row.body = batch.arena().copy(lines[i]);
            row.attrs = range;
            batch.append_row(row);
        }
        batch.set_provenance({.agent = from, .epoch = epoch, .push_hash = {}});
        return batch;
    }

    /// With its payload as received, as behind the wire.
    RecordBatchPtr received() const {
        auto batch = std::make_shared<RecordBatch>(build());
        auto encoded = encode_batch({batch, {}}, PayloadCodec::kLz4);
        REQUIRE(encoded.has_value());
        batch->set_encoded(std::move(*encoded));
        return batch;
    }
};

inline Result<store::Durable> append(
    store::RocksStore& store, BatchView view, uint16_t output = 0
) {
    std::promise<Result<store::Durable>> answered;
    auto answer = answered.get_future();
    store.append({output, std::move(view)}, [&](Result<store::Durable> durable) {
        answered.set_value(std::move(durable));
    });
    if (answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
        store.run_queued();
    }
    return answer.get();
}

inline Result<store::Durable> append(store::RocksStore& store, const Frame& frame) {
    return append(store, {frame.received(), {}});
}

struct ReadBack {
    std::vector<std::pair<UnixNanos, std::string>> rows;  ///< as they came
    store::CursorStats stats;

    std::vector<std::string> bodies() const {
        std::vector<std::string> out;
        for (const auto& [when, body] : rows) {
            out.push_back(body);
        }
        std::ranges::sort(out);
        return out;
    }
};

inline ReadBack read_back(store::RowCursor& cursor) {
    ReadBack out;
    while (true) {
        auto page = cursor.next();
        REQUIRE_MESSAGE(page.has_value(), page.error().message);
        if (!page->has_value()) {
            break;
        }
        for_each_row({(*page)->batch, (*page)->rows}, [&](uint32_t i) {
            out.rows.emplace_back((*page)->batch->ts(i), std::string((*page)->batch->body(i)));
        });
    }
    out.stats = cursor.stats();
    return out;
}

inline ReadBack read_all(store::RocksStore& store, store::SelectQuery query = {}) {
    auto cursor = store.select(std::move(query));
    REQUIRE_MESSAGE(cursor.has_value(), cursor.error().message);
    return read_back(**cursor);
}

}  // namespace seyir::test
