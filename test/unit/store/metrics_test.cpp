// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "test/support/metric_batch.hpp"
#include "test/support/store_in_memory.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

constexpr Nanos kDayLong = std::chrono::hours(24);

/// Every sample as `host name value @seconds`, in the order of the view.
std::vector<std::string> samples_in(store::RocksStore& store, TimeRange range = {}) {
    auto view = store.metrics(TenantId::kDefault);
    REQUIRE(view);
    std::map<store::TableHash, std::string> tables;
    REQUIRE(view->each_table(range, [&](store::TableHash hash, std::string_view bytes) {
        tables[hash] = bytes;
        return Result<bool>(true);
    }));
    std::vector<std::string> out;
    REQUIRE(view->each_row(range, [&](const store::MetricRow& row) {
        const auto table = samples::decode_table(tables.at(row.table));
        REQUIRE(table);
        const samples::SampleRow values{row.ts, row.values};
        for (size_t i = 0; i < table->series.size(); ++i) {
            out.push_back(fmt::format(
                "{} {} {} @{}",
                table->common()[0].value,
                table->families[table->series[i].family].name,
                values.value(i),
                (row.ts - kNoon).count() / 1'000'000'000
            ));
        }
        return Result<bool>(true);
    }));
    return out;
}

Result<store::Durable> append(StoreInMemory& f, const MetricFrame& frame) {
    return test::append(*f.store, {frame.build(), {}});
}

UnixNanos at(int64_t seconds) {
    return kNoon + std::chrono::seconds(seconds);
}

}  // namespace

TEST_SUITE("collector/store/metric") {
    TEST_CASE("samples are there after the answer, after a reopen, and in no query of records") {
        StoreInMemory f;
        const auto stored = append(f, {.ts = at(0), .gauges = {{"a", 1}, {"b", 2.5}}});
        REQUIRE(stored);
        CHECK(stored->accepted == 1);
        const std::vector<std::string> expected = {"web1 a 1 @0", "web1 b 2.5 @0"};
        CHECK(samples_in(*f.store) == expected);
        f.open();
        CHECK(samples_in(*f.store) == expected);
        CHECK(read_all(*f.store).rows.empty());
        CHECK(f.store->stats().records == 0);
        CHECK(f.store->streams(TenantId::kDefault, {})->empty());
    }

    TEST_CASE("a frame sent again is a duplicate, a gap is refused, and nothing is there twice") {
        StoreInMemory f;
        const MetricFrame first{.ts = at(0)};
        REQUIRE(append(f, first));
        const auto again = append(f, first);
        REQUIRE(again);
        CHECK(again->duplicate == 1);
        CHECK(again->accepted == 0);
        const auto gap = append(f, {.ts = at(30), .begin = 500, .end = 600});
        REQUIRE(gap);
        CHECK(gap->accepted == 0);
        CHECK(gap->lanes.at(0).kind == LaneVerdict::Kind::kGap);
        const auto joins = append(f, {.ts = at(15), .begin = 100, .end = 200});
        REQUIRE(joins);
        CHECK(joins->accepted == 1);
        CHECK(samples_in(*f.store).size() == 2);
    }

    TEST_CASE("live tail does not see samples") {
        StoreInMemory f;
        int calls = 0;
        const auto subscription = f.store->subscribe([&](const BatchView&) { ++calls; });
        REQUIRE(append(f, {.ts = at(0)}));
        CHECK(calls == 0);
        REQUIRE(test::append(*f.store, Frame{.lines = {"x"}}));
        CHECK(calls == 1);
    }

    TEST_CASE("a body that is no samples is rejected for good and its lane goes on") {
        StoreInMemory f;
        const auto bad = append(f, {.ts = at(0), .body = "no samples"});
        REQUIRE(bad);
        CHECK(bad->accepted == 0);
        CHECK(bad->rejected == 1);
        CHECK(bad->reject_reason == "bad_metrics");
        REQUIRE(append(f, {.ts = at(15), .begin = 100, .end = 200})->accepted == 1);
        CHECK(samples_in(*f.store).size() == 1);
    }

    TEST_CASE("after a power cut at any moment a frame sent again is there once") {
        for (uint64_t seed = 1; seed <= 40; ++seed) {
            CAPTURE(seed);
            StoreInMemory f(seed);
            REQUIRE(append(f, {.ts = at(0)}));
            f.fs.plan_fault(1 + seed % 3, io::Fault::kPowerCut);
            const MetricFrame frame{.ts = at(15), .begin = 100, .end = 200};
            const bool was_answered = append(f, frame).has_value();
            f.fs.crash();
            f.store.reset();
            f.fs.restart();
            f.open();
            CHECK(samples_in(*f.store).size() >= (was_answered ? 2 : 1));
            const auto again = append(f, frame);
            REQUIRE(again);
            CHECK(again->accepted + again->duplicate == 1);
            CHECK(samples_in(*f.store).size() == 2);
        }
    }

    TEST_CASE("days past their retention are dropped, and late samples of them refused") {
        StoreInMemory f;
        f.options.metrics_retention = kDayLong * 3;
        f.open();
        uint64_t end = 0;
        for (int day = 0; day < 6; ++day) {
            if (day > 0) {
                f.clock.advance(kDayLong);
            }
            REQUIRE(append(f, {.ts = kNoon + kDayLong * day, .begin = end, .end = end + 10}));
            end += 10;
        }
        CHECK(samples_in(*f.store).size() == 6);
        REQUIRE(f.store->maintain());
        CHECK(samples_in(*f.store).size() == 4);  // of days 2 to 5; day 2 is past it at its end
        const auto late = append(f, {.ts = kNoon, .begin = end, .end = end + 10});
        REQUIRE(late);
        CHECK(late->reject_reason == "too_old");
        CHECK(late->rejected == 1);
        f.open();
        CHECK(samples_in(*f.store).size() == 4);
    }

    TEST_CASE("a clock that is years ahead at the start drops nothing") {
        StoreInMemory f;
        f.options.metrics_retention = kDayLong * 3;
        f.open();
        REQUIRE(append(f, {.ts = at(0)}));
        f.store.reset();
        f.clock.advance(kDayLong * 3650);
        f.open();
        REQUIRE(f.store->maintain());
        CHECK(samples_in(*f.store).size() == 1);
    }

    TEST_CASE("a range gives its samples only, hosts apart, a day's table once") {
        StoreInMemory f;
        uint64_t end = 0;
        for (int i = 0; i < 4; ++i) {
            REQUIRE(append(f, {.ts = at(15 * i), .begin = end, .end = end + 10}));
            REQUIRE(append(
                f,
                {.host = "web2", .ts = at(15 * i), .begin = end, .end = end + 10, .agent = {8, 8}}
            ));
            end += 10;
        }
        const auto found = samples_in(*f.store, {at(15), at(45)});
        const std::vector<std::string> expected = {
            "web1 node_load1 0.5 @15",
            "web1 node_load1 0.5 @30",
            "web2 node_load1 0.5 @15",
            "web2 node_load1 0.5 @30",
        };
        CHECK(found == expected);
        size_t tables = 0;
        REQUIRE(f.store->metrics(TenantId::kDefault)->each_table({}, [&](auto, auto) {
            ++tables;
            return Result<bool>(true);
        }));
        CHECK(tables == 2);
    }
}
