// SPDX-License-Identifier: Apache-2.0
#include "test/support/memory_log_store.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace seyir;
using namespace seyir::store;
using Kind = LaneVerdict::Kind;

namespace {

const AgentId kAgent{1, 2};
const SourceId kSource{3, 4};

/// One line a byte of the stretch: positions and rows stay easy to compare.
Commit stretch(uint64_t begin, uint64_t end, uint32_t epoch = 1, bool lane_start = false) {
    auto batch = std::make_shared<RecordBatch>();
    const uint16_t stream = batch->add_stream(*StreamLabels::make({{"app", "x"}}));
    const uint16_t origin = batch->add_position({
        .key = {kSource, 0},
        .begin = begin,
        .end = end,
        .tail_hash = end * 7,
        .lane_start = lane_start,
    });
    for (uint64_t at = begin; at < end; ++at) {
        batch->append_row({
            .ts = {static_cast<int64_t>(100 + at)},
            .stream = stream,
            .origin = origin,
            .body = batch->arena().copy(std::to_string(at)),
        });
    }
    batch->set_provenance({.agent = kAgent, .epoch = epoch});
    return {.view = {batch, {}}};
}

Result<Durable> append(LogStore& store, Commit commit) {
    Result<Durable> answer = fail(ErrorCode::kInternal, "no answer");
    store.append(std::move(commit), [&](Result<Durable> durable) { answer = std::move(durable); });
    return answer;
}

std::vector<std::string> bodies(LogStore& store, SelectQuery query) {
    std::vector<std::string> lines;
    auto cursor = *store.select(std::move(query));
    for (auto page = *cursor->next(); page; page = *cursor->next()) {
        for_each_row({page->batch, page->rows}, [&](uint32_t i) {
            lines.emplace_back(page->batch->body(i));
        });
    }
    return lines;
}

}  // namespace

TEST_SUITE("test/support/memory_log_store") {
    TEST_CASE("a lane takes what joins, and answers duplicate, rewind and gap otherwise") {
        MemoryLogStore store;
        CHECK(append(store, stretch(0, 5))->accepted == 5);
        CHECK(append(store, stretch(0, 5))->duplicate == 5);
        const auto rewind = *append(store, stretch(3, 8));
        REQUIRE(rewind.lanes.size() == 1);
        CHECK(rewind.accepted == 0);
        CHECK(rewind.lanes[0].kind == Kind::kRewind);
        CHECK(rewind.lanes[0].committed == 5);
        CHECK(rewind.lanes[0].tail_hash == 35);
        const auto gap = *append(store, stretch(6, 8));
        CHECK(gap.lanes.at(0).kind == Kind::kGap);
        CHECK(append(store, stretch(5, 8))->accepted == 3);
        CHECK(bodies(store, {}).size() == 8);
        CHECK(store.stats().records == 8);
    }

    TEST_CASE("a new lane begins at zero unless it says that it starts later") {
        MemoryLogStore store;
        CHECK(append(store, stretch(10, 12))->lanes.at(0).kind == Kind::kGap);
        CHECK(!*store.knows_agent(TenantId::kDefault, kAgent));
        CHECK(append(store, stretch(10, 12, 1, true))->accepted == 2);
        CHECK(store.skipped_bytes() == 10);
        const auto positions =
            *store.committed(TenantId::kDefault, kAgent, 0, {{kSource, 0}, {kSource, 1}});
        REQUIRE(positions.size() == 1);
        CHECK(positions[0].committed == 12);
    }

    TEST_CASE("an older epoch is fenced") {
        MemoryLogStore store;
        CHECK(*store.begin_epoch(TenantId::kDefault, kAgent) == 1);
        CHECK(*store.begin_epoch(TenantId::kDefault, kAgent) == 2);
        CHECK(append(store, stretch(0, 1, 1)).error().code == ErrorCode::kConflict);
        CHECK(append(store, stretch(0, 1, 2))->accepted == 1);
    }

    TEST_CASE("a push of the same hash within ten minutes is a duplicate") {
        io::ManualClock clock;
        MemoryLogStore store(clock);
        const auto push = [] {
            auto batch = std::make_shared<RecordBatch>();
            batch->add_stream(*StreamLabels::make({{"app", "x"}}));
            batch->append_row({.ts = {1}, .body = "line"});
            batch->set_provenance({.push_hash = {0, 9}});
            return Commit{.view = {batch, {}}};
        };
        CHECK(append(store, push())->accepted == 1);
        CHECK(append(store, push())->duplicate == 1);
        clock.advance(std::chrono::minutes(11));
        CHECK(append(store, push())->accepted == 1);
    }

    TEST_CASE("pages come by their leading edge in both directions") {
        MemoryLogStore store;
        CHECK(append(store, stretch(0, 3)));
        CHECK(append(store, stretch(3, 6)));
        CHECK(bodies(store, {}) == std::vector<std::string>{"3", "4", "5", "0", "1", "2"});
        const SelectQuery forward{.range = {{101}, {104}}, .direction = Direction::kForward};
        CHECK(bodies(store, forward) == std::vector<std::string>{"1", "2", "3"});
        auto cursor = *store.select(forward);
        CHECK(cursor->next_bound()->value == 101);
        CHECK(cursor->next());
        CHECK(cursor->next_bound()->value == 103);
        CHECK(cursor->next());
        CHECK(!cursor->next_bound());
    }

    TEST_CASE("a failed append stores nothing, subscribers see what was stored") {
        MemoryLogStore store;
        size_t seen = 0;
        auto handle = store.subscribe([&](const BatchView& view) { seen += view.row_count(); });
        store.fail_appends(Error{ErrorCode::kNoSpace, "disk full"});
        CHECK(append(store, stretch(0, 3)).error().code == ErrorCode::kNoSpace);
        store.fail_appends(std::nullopt);
        CHECK(append(store, stretch(0, 3)));
        CHECK(append(store, stretch(0, 3)));
        handle.reset();
        CHECK(append(store, stretch(3, 4)));
        CHECK(seen == 3);
    }
}
