// SPDX-License-Identifier: Apache-2.0
// volume() of the embedded store against the in-memory one, which counts row by row.
#include <algorithm>
#include <map>
#include <random>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/store/format/catalogue_rows.hpp"
#include "common/record/level.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/rows.hpp"
#include "test/support/store_in_memory.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

constexpr int64_t kSecond = 1'000'000'000;

/// As text, streams sorted, to compare and to show.
std::string text_of(const store::Volume& volume) {
    std::map<std::string, std::string> streams;
    for (const store::StreamVolume& stream : volume.streams) {
        std::string labels;
        for (const auto& [name, value] : stream.labels->pairs()) {
            labels += name + "=" + value + " ";
        }
        for (const store::VolumeCell& cell : stream.cells) {
            streams[labels] += fmt::format(
                "{}/{}: {} rows {} bytes; ",
                cell.bucket,
                level_word(cell.level),
                cell.rows,
                cell.bytes
            );
        }
    }
    std::string out;
    for (const auto& [labels, cells] : streams) {
        out += labels + cells + "\n";
    }
    return out;
}

struct Both {
    StoreInMemory f;
    store::MemoryLogStore memory;
    std::mt19937_64 random;

    explicit Both(uint64_t seed) : random(seed) {
        f.options.block_raw_bytes = 2'000;
        f.open();
    }

    size_t below(size_t n) { return random() % n; }

    void add(const std::vector<PlainRow>& rows) {
        const RecordBatchPtr batch = make_batch(rows);
        REQUIRE(append(*f.store, {batch, {}}).has_value());
        REQUIRE(store_rows(memory, rows));
    }

    void add_random(size_t count) {
        constexpr const char* kLines[] = {
            "level=info x", "ERROR y", "plain", "{\"level\":\"warn\"}"
        };
        std::vector<PlainRow> rows;
        const int64_t from = static_cast<int64_t>(below(7'200));
        for (size_t i = 0; i < count; ++i) {
            PlainRow row{.labels = {{"app", std::string(1, static_cast<char>('a' + below(4)))}}};
            row.ts_ns = kNoon.value + (from + static_cast<int64_t>(below(600))) * kSecond +
                        static_cast<int64_t>(below(kSecond));
            row.line = kLines[below(4)] + std::string(below(30), '.');
            row.severity = below(3) == 0 ? static_cast<SeverityNumber>(below(25)) : kSeverityUnset;
            if (below(200) == 0) {
                row.metadata = {{"detected_level", "own"}};
            }
            rows.push_back(row);
        }
        add(rows);
    }

    store::VolumeQuery random_query() {
        store::VolumeQuery query;
        query.range.begin =
            kNoon + Nanos(static_cast<int64_t>(below(7'000)) * kSecond - kSecond / 2);
        query.range.end =
            query.range.begin + Nanos(static_cast<int64_t>(1 + below(4'000)) * kSecond);
        if (below(5) == 0) {
            query.range = {kNoon, kNoon + Nanos(8'000 * kSecond)};
        }
        query.bucket = Nanos(below(2) * (1 + below(900)) * kSecond);
        query.by_level = below(2) == 0;
        const std::string app(1, static_cast<char>('a' + below(5)));
        if (below(2) == 0) {
            query.stream_matches = [app](const StreamLabels& labels) {
                return labels.get("app") == app;
            };
        }
        return query;
    }

    void compare(size_t queries) {
        for (size_t i = 0; i < queries; ++i) {
            const store::VolumeQuery query = random_query();
            const auto expected = memory.volume(query);
            const auto got = f.store->volume(query);
            REQUIRE(expected.has_value());
            REQUIRE_MESSAGE(got.has_value(), got.error().message);
            CHECK(text_of(*got) == text_of(*expected));
            CHECK((!expected->has_level_attrs || got->has_level_attrs));
            CHECK(got->stats.blocks_corrupt == 0);
        }
    }
};

store::VolumeQuery everything() {
    return {.range = {kNoon, kNoon + Nanos(9'000 * kSecond)}, .by_level = true};
}

}  // namespace

TEST_SUITE("collector/store/volume") {
    TEST_CASE("volume is what counting rows gives: staged, sealed and both") {
        const uint64_t seed = std::random_device{}();
        INFO("seed ", seed);
        Both both(seed);
        both.add_random(300);
        both.compare(40);
        REQUIRE(both.f.store->seal(store::SealScope::kAll).has_value());
        both.compare(80);
        both.add_random(300);
        both.add_random(50);
        both.compare(40);
        both.f.open();
        both.compare(10);
        REQUIRE(both.f.store->seal(store::SealScope::kAll).has_value());
        both.compare(40);
    }

    TEST_CASE("runs within a bucket are answered without reading a block") {
        Both both(1);
        both.add_random(2'000);
        REQUIRE(both.f.store->seal(store::SealScope::kAll).has_value());
        const auto whole = both.f.store->volume(everything());
        REQUIRE(whole.has_value());
        CHECK(whole->stats.blocks_total > 10);
        CHECK(whole->stats.blocks_read == 0);
        store::VolumeQuery cut = everything();
        cut.range.begin = kNoon + Nanos(1);
        cut.bucket = Nanos(3'000 * kSecond);
        const auto edges = both.f.store->volume(cut);
        REQUIRE(edges.has_value());
        CHECK(edges->stats.blocks_read < edges->stats.blocks_total);
    }

    TEST_CASE("of a run that a bucket's edge cuts one side is read") {
        Both both(1);
        both.f.options.block_raw_bytes = 1 << 20;
        both.f.open();
        std::vector<PlainRow> rows;
        for (int64_t i = 0; i < 1'000; ++i) {
            const char* const line = i % 3 == 0 ? "level=warn a=1" : "level=info";
            rows.push_back({{{"app", "shop"}}, kNoon.value + i * kSecond, line});
        }
        both.add(rows);
        REQUIRE(both.f.store->seal(store::SealScope::kAll).has_value());
        for (const int64_t edge : {100, 850}) {
            CAPTURE(edge);
            store::VolumeQuery cut = everything();
            cut.range.begin = kNoon - Nanos((1'000 - edge) * kSecond);
            cut.bucket = Nanos(1'000 * kSecond);
            const auto volume = both.f.store->volume(cut);
            REQUIRE(volume.has_value());
            CHECK(volume->stats.blocks_read == 1);
            CHECK(volume->stats.rows_read == (edge == 100 ? 100 : 150));
            CHECK(text_of(*volume) == text_of(*both.memory.volume(cut)));
        }
    }

    TEST_CASE("blocks of more streams than are counted are read") {
        Both both(1);
        both.f.options.block_raw_bytes = 1 << 20;
        both.f.open();
        std::vector<PlainRow> rows;
        for (int64_t i = 0; i < 300; ++i) {
            rows.push_back({{{"app", "s" + std::to_string(i)}}, kNoon.value + i, "level=warn"});
        }
        both.add(rows);
        REQUIRE(both.f.store->seal(store::SealScope::kAll).has_value());
        const auto volume = both.f.store->volume(everything());
        REQUIRE(volume.has_value());
        CHECK(volume->stats.blocks_read == 1);
        CHECK(text_of(*volume) == text_of(*both.memory.volume(everything())));
    }

    TEST_CASE("a block that cannot be read makes the volume partial, and it says so") {
        Both both(1);
        both.add_random(300);
        REQUIRE(both.f.store->seal(store::SealScope::kAll).has_value());
        both.f.open();
        for (const std::string& file : both.f.segment_files()) {
            REQUIRE(both.f.fs.remove(file).has_value());
        }
        store::VolumeQuery query = everything();
        CHECK(both.f.store->volume(query)->stats.blocks_corrupt == 0);
        query.range.end = kNoon + Nanos(7'000 * kSecond);
        query.bucket = Nanos(kSecond);
        const auto volume = both.f.store->volume(query);
        REQUIRE(volume.has_value());
        CHECK(volume->stats.blocks_corrupt > 0);
    }

    TEST_CASE("a query that nobody waits for stops") {
        Both both(1);
        both.add_random(10);
        store::VolumeQuery query = everything();
        query.cancelled = [] { return true; };
        CHECK(both.f.store->volume(query).error().code == ErrorCode::kCancelled);
    }

    TEST_CASE("more cells than the limit are refused") {
        Both both(1);
        std::vector<PlainRow> rows;
        for (int64_t i = 0; i < 3'000; ++i) {
            rows.push_back({{{"app", "a"}}, kNoon.value + i * kSecond, "x"});
        }
        both.add(rows);
        store::VolumeQuery query = everything();
        query.bucket = Nanos(kSecond);
        CHECK(both.f.store->volume(query)->streams.front().cells.size() == 3'000);
        static_assert(store::kVolumeCellsMax >= 11'000 * kLevels);
    }

    TEST_CASE("rows of format 1, without counts, are read as before") {
        using namespace store;
        BlockRow row{.min_ts = {5}, .max_ts = {9}, .rows = 3, .raw_bytes = 30, .streams = {1, 4}};
        std::string bytes = encode(row);
        bytes[0] = 1;
        bytes.resize(bytes.size() - 2);  // flags and number of runs
        CHECK(*decode_block_row(bytes) == row);
        row.has_level_attrs = true;
        RunCounts run{.stream = 1, .min_ts = {5}, .max_ts = {7}};
        run.levels[0] = {2, 20};
        run.levels[7] = {1, UINT64_MAX};
        row.runs = {run, {.stream = 4, .min_ts = {9}, .max_ts = {9}}};
        CHECK(*decode_block_row(encode(row)) == row);
        row.runs.pop_back();
        CHECK(decode_block_row(encode(row)).error().code == ErrorCode::kCorrupt);
        for (size_t size = 0; size < encode(row).size(); ++size) {
            CHECK_FALSE(decode_block_row(encode(row).substr(0, size)).has_value());
        }
    }
}
