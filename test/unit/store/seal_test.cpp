// SPDX-License-Identifier: Apache-2.0
#include <random>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "test/support/drop_days.hpp"
#include "test/support/store_in_memory.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

constexpr Nanos kDay = std::chrono::hours(24);

/// `count` lines of about 40 bytes, each its own.
std::vector<std::string> lines(std::string_view tag, size_t count) {
    std::vector<std::string> out;
    for (size_t i = 0; i < count; ++i) {
        out.push_back(fmt::format("{} line {:06} of a file that grows", tag, i));
    }
    return out;
}

}  // namespace

TEST_SUITE("collector/store/seal") {
    TEST_CASE("sealed rows are read back byte-exact, with their attributes and stream") {
        StoreInMemory f;
        std::vector<std::string> bodies = {
            "", "a\0b", "caf\xe9", std::string(70'000, 'x'), "plain"
        };
        bodies[1] = std::string("a\0b", 3);
        REQUIRE(append(*f.store, {.lines = bodies}).has_value());
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        CHECK(f.store->stats().stage_bytes == 0);
        CHECK(f.segment_files().size() == 1);
        std::ranges::sort(bodies);
        CHECK(read_all(*f.store).bodies() == bodies);
        f.open();
        CHECK(read_all(*f.store).bodies() == bodies);
        CHECK(f.store->stats().records == 5);

        auto cursor = f.store->select({});
        REQUIRE(cursor.has_value());
        const auto page = (*cursor)->next();
        REQUIRE((page.has_value() && page->has_value()));
        const RecordBatch& batch = *(*page)->batch;
        CHECK(batch.streams().at(0)->get("input") == "app");
        const auto key = batch.find_key("filename");
        REQUIRE(key.has_value());
        CHECK(batch.find_attr(0, *key)->as_text() == "/var/log/app.log");
    }

    TEST_CASE("a seal makes one segment a tenant and day, cut into blocks") {
        StoreInMemory f;
        f.options.block_raw_bytes = 4 * kKiB;
        f.options.seal_slice_raw_bytes = 16 * kKiB;
        f.open();
        uint64_t at[3] = {0, 0, 0};
        size_t rows = 0;
        for (int round = 0; round < 20; ++round) {
            for (uint64_t n = 0; n < 3; ++n) {
                Frame frame{
                    .key = source(n),
                    .begin = at[n],
                    .lines = lines(fmt::format("{}-{}", n, round), 40)
                };
                frame.ts =
                    kNoon - kDay * static_cast<int>(n == 2 ? 1 : 0) + std::chrono::seconds(round);
                frame.stream = stream_of(fmt::format("s{}", n));
                frame.tenant = TenantId{n == 1 ? 7U : 0U};
                at[n] = frame.end();
                const auto durable = append(*f.store, frame);
                REQUIRE(durable.has_value());
                rows += durable->accepted;
            }
        }
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        CHECK(f.segment_files().size() == 3);
        const auto stats = f.store->stats();
        CHECK(stats.records == rows);
        CHECK(stats.segments == 3);
        CHECK(stats.partitions == 2);
        CHECK(read_all(*f.store).rows.size() == rows / 3 * 2);
        CHECK(read_all(*f.store, {.tenant = TenantId{7}}).rows.size() == rows / 3);
        const auto streams = f.store->streams(TenantId::kDefault, {kNoon, kNoon + kDay});
        REQUIRE(streams.has_value());
        REQUIRE(streams->size() == 1);
        CHECK(streams->at(0)->get("input") == "s0");
    }

    TEST_CASE("blocks outside time and streams are not read") {
        StoreInMemory f;
        f.options.block_raw_bytes = 2 * kKiB;
        f.open();
        uint64_t at[2] = {0, 0};
        for (int round = 0; round < 10; ++round) {
            for (uint64_t n = 0; n < 2; ++n) {
                Frame frame{.key = source(n), .begin = at[n], .lines = lines("x", 50)};
                frame.ts = kNoon + std::chrono::minutes(round);
                frame.stream = stream_of(n == 0 ? "one" : "two");
                at[n] = frame.end();
                REQUIRE(append(*f.store, frame).has_value());
            }
        }
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        store::SelectQuery query;
        query.stream_matches = [](const StreamLabels& l) { return l.get("input") == "one"; };
        query.range = {kNoon + std::chrono::minutes(3), kNoon + std::chrono::minutes(4)};
        const auto found = read_all(*f.store, query);
        CHECK(found.rows.size() == 50);
        CHECK(found.stats.blocks_read < 5);
        CHECK(found.stats.blocks_pruned > 0);
        CHECK(found.stats.blocks_corrupt == 0);
    }

    TEST_CASE("of a sealed block only the rows asked for are unpacked") {
        StoreInMemory f;
        Frame frame;
        for (int i = 0; i < 600; ++i) {
            frame.lines.push_back(
                fmt::format(R"({{"n":{},"level":"info","path":"/a/{}"}})", i, i % 7)
            );
        }
        REQUIRE(append(*f.store, frame).has_value());
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        store::SelectQuery query;
        query.range = {
            kNoon + std::chrono::microseconds(100), kNoon + std::chrono::microseconds(110)
        };
        const auto found = read_all(*f.store, query);
        CHECK(found.stats.blocks_read == 1);
        CHECK(found.stats.rows_read == 10);
        REQUIRE(found.rows.size() == 10);
        CHECK(found.rows.front().second == frame.lines[100]);
        CHECK(read_all(*f.store).rows.size() == 600);
    }

    TEST_CASE("pages come in order of their leading edge and next_bound holds for what follows") {
        for (const auto direction : {store::Direction::kForward, store::Direction::kBackward}) {
            StoreInMemory f;
            f.options.block_raw_bytes = 2 * kKiB;
            f.open();
            uint64_t at = 0;
            for (int round = 0; round < 30; ++round) {
                Frame frame{.begin = at, .lines = lines("x", 20)};
                frame.ts = kNoon + std::chrono::hours(round * 7 % 30);
                at = frame.end();
                REQUIRE(append(*f.store, frame).has_value());
                if (round == 20) {
                    REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
                }
            }
            auto cursor = f.store->select({.direction = direction});
            REQUIRE(cursor.has_value());
            std::optional<UnixNanos> bound;
            size_t rows = 0;
            while (true) {
                auto page = (*cursor)->next();
                REQUIRE(page.has_value());
                if (!page->has_value()) {
                    break;
                }
                for_each_row({(*page)->batch, (*page)->rows}, [&](uint32_t i) {
                    const UnixNanos ts = (*page)->batch->ts(i);
                    ++rows;
                    if (bound) {
                        CHECK(
                            (direction == store::Direction::kForward ? ts >= *bound : ts <= *bound)
                        );
                    }
                });
                bound = (*cursor)->next_bound();
            }
            CHECK(rows == 600);
        }
    }

    TEST_CASE("bytes past the threshold are sealed, small remainders are staged again") {
        StoreInMemory f;
        f.options.block_raw_bytes = 4 * kKiB;
        f.options.seal_bytes = 8 * kKiB;
        f.open();
        // One day gets many rows, another a few.
        REQUIRE(
            append(*f.store, {.key = source(9), .lines = {"late"}, .ts = kNoon - kDay}).has_value()
        );
        REQUIRE(f.store->seal(store::SealScope::kDue).has_value());
        CHECK(f.segment_files().empty());
        uint64_t at = 0;
        size_t rows = 1;
        for (int round = 0; round < 40; ++round) {
            Frame frame{.begin = at, .lines = lines(fmt::format("{}", round * 7919), 50)};
            at = frame.end();
            rows += append(*f.store, frame)->accepted;
        }
        REQUIRE(f.store->seal(store::SealScope::kDue).has_value());
        CHECK(f.segment_files().size() == 1);
        CHECK(f.store->stats().stage_bytes > 0);
        CHECK(f.store->stats().records == rows);
        CHECK(read_all(*f.store).rows.size() == rows);
        f.open();
        CHECK(read_all(*f.store).rows.size() == rows);
        // Duplicates are still known after the stage was cut.
        CHECK(append(*f.store, {.lines = lines("0", 50)})->duplicate == 50);
    }

    TEST_CASE("many small batches are joined and stay staged") {
        StoreInMemory f;
        f.options.small_batches_max = 50;
        f.open();
        uint64_t at = 0;
        for (int i = 0; i < 70; ++i) {
            Frame frame{.begin = at, .lines = lines(fmt::format("{}", i), i == 40 ? 200 : 2)};
            at = frame.end();
            REQUIRE(append(*f.store, frame).has_value());
        }
        const auto before = read_all(*f.store);
        CHECK(before.stats.blocks_read == 70);
        REQUIRE(f.store->seal(store::SealScope::kDue).has_value());
        const auto after = read_all(*f.store);
        CHECK(after.bodies() == before.bodies());
        CHECK(after.stats.blocks_read == 1);
        CHECK(f.segment_files().empty());
        f.open();
        CHECK(read_all(*f.store).bodies() == before.bodies());
        CHECK(append(*f.store, {.lines = lines("0", 2)})->duplicate == 2);
    }

    TEST_CASE("the end of a day seals that day and keeps today staged") {
        StoreInMemory f;
        REQUIRE(append(*f.store, {.lines = {"today"}}).has_value());
        REQUIRE(f.store->maintain().has_value());
        CHECK(f.segment_files().empty());
        f.clock.advance(kDay);
        REQUIRE(
            append(*f.store, {.begin = 6, .lines = {"tomorrow"}, .ts = kNoon + kDay}).has_value()
        );
        REQUIRE(f.store->maintain().has_value());
        CHECK(f.segment_files().size() == 1);
        CHECK(f.store->stats().stage_bytes > 0);
        CHECK(read_all(*f.store).bodies() == std::vector<std::string>{"today", "tomorrow"});
    }

    TEST_CASE("a cursor keeps seeing its moment while rows are sealed and days dropped") {
        StoreInMemory f;
        REQUIRE(append(*f.store, {.lines = {"old"}, .ts = kNoon - kDay}).has_value());
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        REQUIRE(append(*f.store, {.begin = 4, .lines = {"new"}}).has_value());
        auto cursor = f.store->select({});
        REQUIRE(cursor.has_value());
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        REQUIRE(drop_days_before(*f.store, store::day_of(kNoon)).has_value());
        CHECK(f.segment_files().size() == 2);
        CHECK(read_all(*f.store).bodies() == std::vector<std::string>{"new"});
        CHECK(read_back(**cursor).bodies() == std::vector<std::string>{"new", "old"});
        cursor->reset();
        CHECK(f.segment_files().size() == 1);
    }

    TEST_CASE("a corrupt block is contained and reported, the others are served") {
        StoreInMemory f;
        f.options.block_raw_bytes = 20 * kKiB;
        f.open();
        std::mt19937_64 random(3);
        std::vector<std::string> noise;
        for (int i = 0; i < 400; ++i) {
            std::string& line = noise.emplace_back();
            for (int j = 0; j < 30; ++j) {
                line += fmt::format("{:016x}", random());
            }
        }
        REQUIRE(append(*f.store, {.lines = noise}).has_value());
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        const auto whole = read_all(*f.store);
        REQUIRE(whole.rows.size() == 400);
        REQUIRE(f.fs.flip_bit(f.segment_files().at(0), 30'000).has_value());
        f.open();
        const auto partial = read_all(*f.store);
        CHECK(partial.stats.blocks_corrupt >= 1);
        CHECK(partial.rows.size() < 400);
        CHECK(partial.rows.size() > 200);
    }

    TEST_CASE("a missing segment file is reported and the rest is served") {
        StoreInMemory f;
        REQUIRE(append(*f.store, {.lines = {"gone"}}).has_value());
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        REQUIRE(append(*f.store, {.begin = 5, .lines = {"here"}}).has_value());
        REQUIRE(f.fs.remove(f.segment_files().at(0)).has_value());
        f.open();
        const auto partial = read_all(*f.store);
        CHECK(partial.bodies() == std::vector<std::string>{"here"});
        CHECK(partial.stats.blocks_corrupt == 1);
    }

    TEST_CASE("files no catalogue row names are removed at open, foreign ones are left alone") {
        StoreInMemory f;
        REQUIRE(append(*f.store, {.lines = {"x"}}).has_value());
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        const std::string folder = io::parent_directory(f.segment_files().at(0));
        for (const char* name :
             {"/0000000000009999.sst", "/0000000000009998.sst.tmp", "/notes.txt"}) {
            REQUIRE(io::write_file_atomically(f.fs, folder + name, "x").has_value());
        }
        f.open();
        CHECK(f.segment_files().size() == 2);
        CHECK(read_all(*f.store).rows.size() == 1);
    }

    TEST_CASE("retention drops at most two days a run, and none after a clock step") {
        StoreInMemory f;
        uint64_t at = 0;
        for (int day = 10; day >= 0; --day) {
            Frame frame{
                .begin = at, .lines = {fmt::format("day {:02}", day)}, .ts = kNoon - kDay * day
            };
            at = frame.end();
            REQUIRE(append(*f.store, frame).has_value());
        }
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        const store::Day before = store::day_of(kNoon - kDay * 5);
        auto report =
            f.store->due({.now = before.begin() + Nanos(1), .retention = Nanos(1)}, false);
        REQUIRE(report.has_value());
        CHECK(report->dropped.size() == 2);
        CHECK(report->held_back.size() == 3);
        CHECK(report->dropped[0].rows == 1);
        CHECK(report->dropped[0].raw_bytes == 7);
        CHECK(f.store->stats().records == 11);

        report = drop_days_before(*f.store, before);
        REQUIRE(report.has_value());
        CHECK(report->dropped.size() == 2);
        CHECK(report->held_back.size() == 3);
        CHECK(f.store->stats().records == 9);
        CHECK(f.segment_files().size() == 9);

        f.clock.set_wall(kNoon + kDay * 3);
        REQUIRE(f.store->maintain().has_value());
        report = drop_days_before(*f.store, before);
        REQUIRE(report.has_value());
        CHECK(report->dropped.empty());
        CHECK(report->held_back.size() == 3);
        CHECK(f.store->stats().records == 9);

        report = drop_days_before(*f.store, store::day_of(kNoon - kDay * 2), true);
        REQUIRE(report.has_value());
        CHECK(report->dropped.size() == 6);
        CHECK(
            read_all(*f.store).bodies() == std::vector<std::string>{"day 00", "day 01", "day 02"}
        );
        f.open();
        CHECK(
            read_all(*f.store).bodies() == std::vector<std::string>{"day 00", "day 01", "day 02"}
        );
    }

    TEST_CASE("staged rows of a dropped day are gone with it and do not come back by sealing") {
        StoreInMemory f;
        REQUIRE(append(*f.store, {.lines = {"old"}, .ts = kNoon - kDay * 3}).has_value());
        REQUIRE(append(*f.store, {.begin = 4, .lines = {"new"}}).has_value());
        REQUIRE(drop_days_before(*f.store, store::day_of(kNoon - kDay)).has_value());
        CHECK(read_all(*f.store).bodies() == std::vector<std::string>{"new"});
        const auto late = append(*f.store, {.begin = 8, .lines = {"late"}, .ts = kNoon - kDay * 2});
        REQUIRE(late.has_value());
        CHECK(late->rejected == 1);
        REQUIRE(f.store->seal(store::SealScope::kAll).has_value());
        f.open();
        CHECK(read_all(*f.store).bodies() == std::vector<std::string>{"new"});
    }

    TEST_CASE("past the stage budget appends are refused until a seal makes room") {
        StoreInMemory f;
        f.options.stage_budget_bytes = 200;
        f.options.seal_bytes = 100;
        f.open();
        uint64_t at = 0;
        Result<store::Durable> last = store::Durable{};
        std::mt19937_64 random(7);
        while (last) {
            Frame frame{.begin = at, .lines = {fmt::format("{:x}{:x}", random(), random())}};
            last = append(*f.store, frame);
            if (last) {
                at = frame.end();
            }
        }
        CHECK(last.error().code == ErrorCode::kBackpressure);
        REQUIRE(f.store->seal(store::SealScope::kDue).has_value());
        CHECK(append(*f.store, {.begin = at, .lines = {"again"}}).has_value());
    }
}
