// SPDX-License-Identifier: Apache-2.0
// What becomes of rows that a plugin keeps beyond the call they came in.
#include "common/plugin/held_rows.hpp"

#include <doctest/doctest.h>

#include "common/plugin/filter_adapter.hpp"
#include "common/plugin/library.hpp"
#include "test/support/filter_fixture.hpp"

namespace seyir::plugin {
namespace {

component::FilterType holding_type() {
    auto library = open_library(SEYIR_MISBEHAVE_PLUGIN);
    REQUIRE_MESSAGE(library.has_value(), (library ? "" : library.error().message));
    for (const FilterDescriptionPtr& filter : (*library)->filters) {
        if (filter->name == "misbehave_holding") {
            return adapt(filter);
        }
    }
    FAIL("no filter of that name");
    return {};
}

std::shared_ptr<RecordBatch> batch_with_position(const std::string& body) {
    auto batch = std::make_shared<RecordBatch>();
    const auto stream = batch->add_stream(*StreamLabels::make({{"host", "h"}}));
    const uint16_t origin = batch->add_position({.end = 10});
    batch->append_row(
        {.ts = {1}, .stream = stream, .origin = origin, .body = batch->arena().copy(Slice(body))}
    );
    return batch;
}

HeldGroupPtr group_of(HeldTable& table, size_t bytes, std::vector<Outcome>& outcomes) {
    const auto batch = batch_with_position(std::string(bytes, 'x'));
    return table.make_group(
        clone_rows({batch, {}}),
        {.rows = 1, .token = AckToken([&outcomes](const DeliveryReport& report) {
                        outcomes.push_back(report.outcome);
                    })}
    );
}

TEST_SUITE("common/plugin/held_rows") {
    TEST_CASE("held rows do not keep the batch they came in, and go on without its position") {
        test::FilterFixture f(holding_type(), "type: misbehave_holding\nmode: hold");
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        auto batch = batch_with_position("one");
        const std::weak_ptr<RecordBatch> came_in = batch;
        REQUIRE(f.process(std::move(batch)));
        CHECK(came_in.expired());
        REQUIRE(f.flush());
        REQUIRE(f.sink.emitted_held.size() == 1);
        const RecordBatch& out = *f.sink.emitted_held[0].view.batch;
        CHECK(out.positions().empty());
        CHECK(out.row(0).origin == kNoOrigin);
        CHECK(out.row(0).ts.value == 1);
    }

    TEST_CASE("a table that holds its bytes takes no more rows until some have left") {
        HeldTable table;
        std::vector<Outcome> outcomes;
        seyir_held* const large = table.add();
        REQUIRE(large != nullptr);
        table.set(large, group_of(table, kHeldBytesMax, outcomes), 0);
        CHECK(table.add() == nullptr);
        REQUIRE(table.claim(&large, 1));
        table.take({large});
        CHECK(table.add() != nullptr);
        CHECK(outcomes == std::vector{Outcome::kRetry});  // nobody emitted or dropped it
    }

    TEST_CASE("a table takes no more rows than its limit") {
        HeldTable table;
        for (size_t i = 0; i < kHeldMax; ++i) {
            REQUIRE(table.add() != nullptr);
        }
        CHECK(table.add() == nullptr);
    }

    TEST_CASE("a handle is good once: not twice in one call, not after its row has left") {
        HeldTable table;
        std::vector<Outcome> outcomes;
        seyir_held* const one = table.add();
        table.set(one, group_of(table, 10, outcomes), 0);
        seyir_held* const twice[] = {one, one};
        CHECK_FALSE(table.claim(twice, 2));
        REQUIRE(table.claim(&one, 1));
        CHECK_FALSE(table.claim(&one, 1));
        table.take({one});
        CHECK_FALSE(table.claim(&one, 1));
    }

    TEST_CASE("promises of rows of several sources are kept apart: each is answered once") {
        HeldTable table;
        std::vector<Outcome> first;
        std::vector<Outcome> second;
        seyir_held* const a = table.add();
        table.set(a, group_of(table, 10, first), 0);
        seyir_held* const b = table.add();
        table.set(b, group_of(table, 10, second), 0);
        test::RecordingSink sink;
        sink.held = 2;
        REQUIRE(table.claim(&a, 1));
        carry_out({{.handles = {a}, .body = {}, .drop_reason = "noise"}}, table, sink);
        CHECK(first == std::vector{Outcome::kDropped});
        CHECK(second.empty());
        REQUIRE(table.claim(&b, 1));
        carry_out({{.handles = {b}, .body = "joined", .drop_reason = ""}}, table, sink);
        CHECK(second == std::vector{Outcome::kDelivered});
        CHECK(sink.lines() == std::vector<std::string>{"joined"});
    }

    TEST_CASE("everything that is held can be given back, each promise once") {
        HeldTable table;
        std::vector<Outcome> outcomes;
        const HeldGroupPtr group = group_of(table, 10, outcomes);
        for (int i = 0; i < 3; ++i) {
            table.set(table.add(), group, 0);
        }
        auto all = table.take_all();
        CHECK(all.size() == 1);
        CHECK(table.size() == 0);
        CHECK(outcomes.empty());
        all.clear();
        CHECK(outcomes == std::vector{Outcome::kRetry});
    }
}

}  // namespace
}  // namespace seyir::plugin
