// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <random>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "test/support/store_in_memory.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

using Kind = LaneVerdict::Kind;

}  // namespace

TEST_SUITE("collector/store/append") {
    TEST_CASE("an acknowledged row is in the next query, and after a reopen") {
        StoreInMemory f;
        const auto durable = append(*f.store, {.lines = {"one", "two"}});
        REQUIRE(durable.has_value());
        CHECK(durable->accepted == 2);
        CHECK(read_all(*f.store).bodies() == std::vector<std::string>{"one", "two"});
        f.open();
        CHECK(read_all(*f.store).bodies() == std::vector<std::string>{"one", "two"});
        CHECK(f.store->stats().records == 2);
    }

    TEST_CASE("a lane takes what joins, knows duplicates, and refuses gaps and overlaps") {
        StoreInMemory f;
        const Frame first{.lines = {"aaaa", "bbbb"}};
        REQUIRE(append(*f.store, first).has_value());

        const auto again = append(*f.store, first);
        REQUIRE(again.has_value());
        CHECK(again->accepted == 0);
        CHECK(again->duplicate == 2);
        REQUIRE(again->lanes.size() == 1);
        CHECK(again->lanes[0].kind == Kind::kDuplicate);
        CHECK(again->lanes[0].committed == 10);

        const auto overlap = append(*f.store, {.begin = 5, .lines = {"bbbb", "cccc"}});
        REQUIRE(overlap.has_value());
        CHECK(overlap->accepted == 0);
        CHECK(overlap->lanes.at(0).kind == Kind::kRewind);

        const auto gap = append(*f.store, {.begin = 15, .lines = {"dddd"}});
        REQUIRE(gap.has_value());
        CHECK(gap->lanes.at(0).kind == Kind::kGap);
        CHECK(gap->lanes.at(0).committed == 10);

        const auto joins = append(*f.store, {.begin = 10, .lines = {"cccc"}});
        REQUIRE(joins.has_value());
        CHECK(joins->accepted == 1);
        CHECK(read_all(*f.store).rows.size() == 3);
    }

    TEST_CASE("an unknown lane that does not begin at zero is a gap unless it starts on purpose") {
        StoreInMemory f;
        const auto gap = append(*f.store, {.begin = 100, .lines = {"x"}});
        REQUIRE(gap.has_value());
        CHECK(gap->lanes.at(0).kind == Kind::kGap);
        CHECK(gap->lanes.at(0).committed == 0);
        const auto start = append(*f.store, {.begin = 100, .lines = {"x"}, .lane_start = true});
        REQUIRE(start.has_value());
        CHECK(start->accepted == 1);
        const auto known =
            f.store->committed(TenantId::kDefault, agent(1), 0, {source(1), source(2)});
        REQUIRE(known.has_value());
        REQUIRE(known->size() == 1);
        CHECK(known->at(0).committed == 102);
        CHECK(known->at(0).tail_hash == 102 * 31);
        CHECK(*f.store->knows_agent(TenantId::kDefault, agent(1)));
        CHECK_FALSE(*f.store->knows_agent(TenantId::kDefault, agent(2)));
    }

    TEST_CASE("lanes of one frame are judged one by one and the others are stored") {
        StoreInMemory f;
        REQUIRE(append(*f.store, {.lines = {"a1"}}).has_value());
        RecordBatch both = Frame{.lines = {"a1"}}.build();
        const uint16_t second = both.add_position({.key = source(2), .begin = 0, .end = 3});
        Row row;
        row.ts = kNoon;
        row.origin = second;
        row.body = both.arena().copy("b1");
        both.append_row(row);
        const auto durable = append(*f.store, {std::make_shared<RecordBatch>(std::move(both)), {}});
        REQUIRE(durable.has_value());
        CHECK(durable->accepted == 1);
        CHECK(durable->duplicate == 1);
        CHECK(read_all(*f.store).bodies() == std::vector<std::string>{"a1", "b1"});
    }

    TEST_CASE("the same frame for two outputs has two lanes") {
        StoreInMemory f;
        const auto batch = Frame{.lines = {"x"}}.received();
        REQUIRE(append(*f.store, {batch, {}}, 0)->accepted == 1);
        REQUIRE(append(*f.store, {batch, {}}, 1)->accepted == 1);
        REQUIRE(append(*f.store, {batch, {}}, 1)->duplicate == 1);
    }

    TEST_CASE("rows a route left out still move the lane") {
        StoreInMemory f;
        const auto batch = Frame{.lines = {"keep", "drop", "keep too"}}.received();
        const auto durable = append(*f.store, {batch, Selection::of({0, 2})});
        REQUIRE(durable.has_value());
        CHECK(durable->accepted == 2);
        CHECK(read_all(*f.store).bodies() == std::vector<std::string>{"keep", "keep too"});
        CHECK(
            f.store->committed(TenantId::kDefault, agent(1), 0, {source(1)})->at(0).committed == 19
        );
    }

    TEST_CASE("an older epoch is fenced") {
        StoreInMemory f;
        CHECK(*f.store->begin_epoch(TenantId::kDefault, agent(1)) == 1);
        CHECK(*f.store->begin_epoch(TenantId::kDefault, agent(1)) == 2);
        const auto fenced = append(*f.store, {.epoch = 1, .lines = {"x"}});
        REQUIRE_FALSE(fenced.has_value());
        CHECK(fenced.error().code == ErrorCode::kConflict);
        CHECK(append(*f.store, {.epoch = 2, .lines = {"x"}}).has_value());
        f.open();
        CHECK(*f.store->begin_epoch(TenantId::kDefault, agent(1)) == 3);
    }

    TEST_CASE("the same push within ten minutes is stored once, also across a reopen") {
        StoreInMemory f;
        RecordBatch plain(TenantId::kDefault);
        const uint16_t stream = plain.add_stream(stream_of("push"));
        Row row;
        row.ts = kNoon;
        row.stream = stream;
        row.body = plain.arena().copy("pushed");
        plain.append_row(row);
        plain.set_provenance({.agent = {}, .epoch = 0, .push_hash = {7, 7}});
        const auto batch = std::make_shared<RecordBatch>(std::move(plain));
        CHECK(append(*f.store, {batch, {}})->accepted == 1);
        CHECK(append(*f.store, {batch, {}})->duplicate == 1);
        f.open();
        CHECK(append(*f.store, {batch, {}})->duplicate == 1);
        f.clock.advance(std::chrono::minutes(11));
        CHECK(append(*f.store, {batch, {}})->accepted == 1);
    }

    TEST_CASE("rows past retention are refused for good and the lane moves on") {
        StoreInMemory f;
        f.options.retention = std::chrono::hours(24 * 7);
        f.open();
        const UnixNanos old = kNoon - std::chrono::hours(24 * 8);
        const auto durable = append(*f.store, {.lines = {"old"}, .ts = old});
        REQUIRE(durable.has_value());
        CHECK(durable->rejected == 1);
        CHECK(durable->reject_reason == "too_old");
        CHECK(durable->rejected_rows == std::vector<uint32_t>{0});
        CHECK(append(*f.store, {.begin = 4, .lines = {"new"}})->accepted == 1);
    }

    TEST_CASE("a full disk refuses and takes up by itself once there is room") {
        StoreInMemory f;
        f.options.hard_free_bytes = 1000;
        f.open();
        REQUIRE(append(*f.store, {.lines = {"before"}}).has_value());
        f.fs.set_capacity(1);
        const auto refused = append(*f.store, {.begin = 7, .lines = {"full"}});
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == ErrorCode::kNoSpace);
        CHECK(f.store->health().disk == store::DiskState::kHardMark);
        f.fs.set_capacity(UINT64_MAX);
        CHECK(append(*f.store, {.begin = 7, .lines = {"full"}}).has_value());
        CHECK(read_all(*f.store).bodies() == std::vector<std::string>{"before", "full"});
    }

    TEST_CASE("a failed write acknowledges nothing and the store recovers") {
        for (const auto fault :
             {io::Fault::kIoError, io::Fault::kNoSpace, io::Fault::kShortWrite}) {
            for (uint64_t nth = 1; nth <= 2; ++nth) {
                StoreInMemory f;
                REQUIRE(append(*f.store, {.lines = {"before"}}).has_value());
                f.fs.plan_fault(nth, fault);
                const auto failed = append(*f.store, {.begin = 7, .lines = {"during"}});
                REQUIRE_FALSE(failed.has_value());
                CHECK_FALSE(f.store->health().ok);
                const auto again = append(*f.store, {.begin = 7, .lines = {"during"}});
                REQUIRE_MESSAGE(again.has_value(), again.error().message);
                CHECK(again->accepted + again->duplicate == 1);
                CHECK(read_all(*f.store).bodies() == std::vector<std::string>{"before", "during"});
                CHECK(f.store->health().ok);
                f.open();
                CHECK(read_all(*f.store).bodies() == std::vector<std::string>{"before", "during"});
            }
        }
    }

    TEST_CASE("a failed database waits for running queries, which end, and is opened again") {
        StoreInMemory f;
        REQUIRE(append(*f.store, {.lines = {"before"}}).has_value());
        auto cursor = f.store->select({});
        REQUIRE(cursor.has_value());
        f.fs.plan_fault(1, io::Fault::kIoError);
        CHECK_FALSE(append(*f.store, {.begin = 7, .lines = {"x"}}).has_value());
        const auto waiting = append(*f.store, {.begin = 7, .lines = {"x"}});
        REQUIRE_FALSE(waiting.has_value());
        CHECK(waiting.error().message.find("once running queries end") != std::string::npos);
        CHECK(f.store->select({}).error().code == ErrorCode::kIo);
        CHECK((*cursor)->next().error().code == ErrorCode::kIo);
        cursor->reset();
        CHECK(append(*f.store, {.begin = 7, .lines = {"x"}}).has_value());
        CHECK(read_all(*f.store).bodies() == std::vector<std::string>{"before", "x"});
    }

    TEST_CASE("a read-only disk is refused with its path and what to check") {
        StoreInMemory f;
        f.store.reset();
        f.fs.set_error_rate(1);
        const auto refused = store::RocksStore::open(f.options);
        f.fs.set_error_rate(0);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().message.find("/data") != std::string::npos);
        CHECK(refused.error().message.find("writable") != std::string::npos);
        f.open();
    }

    TEST_CASE("rows beyond the limits of one payload are stored in several, none is asked for again"
    ) {
        for (const bool is_restarted : {false, true}) {
            StoreInMemory f;
            RecordBatch batch;
            const uint16_t origin =
                batch.add_position({.key = source(1), .begin = 0, .end = 9000, .tail_hash = 1});
            std::vector<std::string> want;
            for (int i = 0; i < 9000; ++i) {  // more streams than a payload names
                Row row;
                row.ts = kNoon;
                row.origin = origin;
                row.stream = batch.add_stream(stream_of(fmt::format("s{}", i)));
                row.body = batch.arena().copy(want.emplace_back(fmt::format("row {}", i)));
                batch.append_row(row);
            }
            batch.set_provenance({.agent = agent(1), .epoch = 0, .push_hash = {}});
            const auto durable =
                append(*f.store, BatchView{std::make_shared<RecordBatch>(std::move(batch)), {}});
            REQUIRE_MESSAGE(durable.has_value(), durable.error().message);
            CHECK(durable->accepted == 9000);
            CHECK(durable->rejected == 0);
            if (is_restarted) {
                f.open();
            }
            std::ranges::sort(want);
            CHECK(read_all(*f.store).bodies() == want);
            // The lane went on, in the same write.
            const auto next =
                append(*f.store, Frame{.key = source(1), .begin = 9000, .lines = {"next"}});
            REQUIRE(next.has_value());
            CHECK(next->accepted == 1);
        }
    }

    TEST_CASE("a row beyond the limits by itself is refused for good, its neighbours are stored") {
        StoreInMemory f;
        std::mt19937_64 random(1);
        std::string noise(6 << 20, '\0');
        std::ranges::generate(noise, [&] { return static_cast<char>(random()); });
        RecordBatch batch;
        const uint16_t origin =
            batch.add_position({.key = source(1), .begin = 0, .end = 100, .tail_hash = 1});
        const uint16_t stream = batch.add_stream(stream_of("app"));
        for (const std::string& body : {std::string("before"), noise, std::string("after")}) {
            batch.append_row(
                {.ts = kNoon, .stream = stream, .origin = origin, .body = batch.arena().copy(body)}
            );
        }
        batch.set_provenance({.agent = agent(1), .epoch = 0, .push_hash = {}});
        const auto durable =
            append(*f.store, BatchView{std::make_shared<RecordBatch>(std::move(batch)), {}});
        REQUIRE_MESSAGE(durable.has_value(), durable.error().message);
        CHECK(durable->accepted == 2);
        CHECK(durable->rejected == 1);
        CHECK(durable->reject_reason == "record_too_large");
        CHECK(durable->rejected_rows == std::vector<uint32_t>{1});
        CHECK(read_all(*f.store).bodies() == std::vector<std::string>{"after", "before"});
        CHECK(append(*f.store, Frame{.begin = 100, .lines = {"next"}})->accepted == 1);
    }

    TEST_CASE("subscribers see what was stored until they let go") {
        StoreInMemory f;
        std::vector<std::string> seen;
        auto subscription = f.store->subscribe([&](const BatchView& view) {
            for_each_row(view, [&](uint32_t i) { seen.emplace_back(view.batch->body(i)); });
        });
        REQUIRE(append(*f.store, {.lines = {"one"}}).has_value());
        REQUIRE(append(*f.store, {.lines = {"one"}}).has_value());
        subscription.reset();
        REQUIRE(append(*f.store, {.begin = 4, .lines = {"two"}}).has_value());
        CHECK(seen == std::vector<std::string>{"one"});
    }

    TEST_CASE("many new streams beyond the limit are refused, known ones go on") {
        StoreInMemory f;
        f.options.streams_max = 2;
        f.open();
        CHECK(append(*f.store, {.lines = {"a"}, .stream = stream_of("s1")})->accepted == 1);
        CHECK(
            append(*f.store, {.begin = 2, .lines = {"b"}, .stream = stream_of("s2")})->accepted == 1
        );
        const auto third =
            append(*f.store, {.begin = 4, .lines = {"c"}, .stream = stream_of("s3")});
        REQUIRE(third.has_value());
        CHECK(third->reject_reason == "stream_limit");
        CHECK(
            append(*f.store, {.begin = 6, .lines = {"d"}, .stream = stream_of("s1")})->accepted == 1
        );
    }
}
