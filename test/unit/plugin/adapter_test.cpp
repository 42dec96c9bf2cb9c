// SPDX-License-Identifier: Apache-2.0
// What becomes of records when a plugin behaves, and when it does not.
#include <thread>

#include <doctest/doctest.h>

#include "common/plugin/filter_adapter.hpp"
#include "common/plugin/library.hpp"
#include "test/support/eventually.hpp"
#include "test/support/filter_fixture.hpp"

namespace seyir::plugin {
namespace {

component::FilterType type_from(const std::string& path, const std::string& name) {
    auto library = open_library(path);
    REQUIRE_MESSAGE(library.has_value(), (library ? "" : library.error().message));
    for (const FilterDescriptionPtr& filter : (*library)->filters) {
        if (filter->name == name) {
            return adapt(filter);
        }
    }
    FAIL("no filter of that name");
    return {};
}

struct Misbehaving : test::FilterFixture {
    explicit Misbehaving(const std::string& mode, const std::string& type = "misbehave")
        : FilterFixture(
              type_from(SEYIR_MISBEHAVE_PLUGIN, type), "type: " + type + "\nmode: " + mode
          ) {}
};

RecordBatchPtr three_rows() {
    return test::make_batch({
        {.labels = {{"host", "h1"}}, .ts_ns = 1, .line = "one", .metadata = {{"level", "info"}}},
        {.labels = {{"host", "h1"}}, .ts_ns = 2, .line = "two"},
        {.labels = {{"host", "h2"}}, .ts_ns = 3, .line = "three"},
    });
}

std::vector<std::string> lines_of(const BatchView& view) {
    std::vector<std::string> lines;
    for_each_row(view, [&](uint32_t i) { lines.emplace_back(view.batch->body(i)); });
    return lines;
}

using Lines = std::vector<std::string>;

TEST_SUITE("common/plugin") {
    TEST_CASE("a batch a plugin mishandles fails whole, each row as it came in") {
        for (const std::string mode :
             {"bad_row",
              "bad_key",
              "bad_kind",
              "bad_reason",
              "drop_twice",
              "bad_code",
              "bad_handle",
              "bad_severity",
              "bad_hold",
              "throw",
              "throw_int",
              "bad_status"}) {
            CAPTURE(mode);
            Misbehaving f(mode);
            REQUIRE_MESSAGE(f.ok(), f.diagnostics());
            REQUIRE(f.process(three_rows()));
            CHECK(f.sink.emitted_rows() == 0);
            REQUIRE(f.sink.failed.size() == 1);
            const auto& failed = f.sink.failed[0];
            CHECK(failed.code == "plugin_misbehaved");
            CHECK_FALSE(failed.message.empty());
            CHECK(lines_of(failed.rows) == Lines{"one", "two", "three"});
            REQUIRE(failed.rows.batch->attrs(0).size() == 1);
            CHECK(failed.rows.batch->attrs(0)[0].value == Value::string("info"));
            CHECK(f.sink.dropped.empty());
            REQUIRE(f.plan().trouble());
            CHECK(f.plan().trouble()->find("misbehaves") != std::string::npos);
            f.clock.advance(std::chrono::minutes(2));
            CHECK_FALSE(f.plan().trouble());
        }
    }

    TEST_CASE("what is too large fails its row alone, as it came in") {
        for (const std::string mode : {"bad_length", "bad_body_length", "flood", "loop", "many"}) {
            CAPTURE(mode);
            Misbehaving f(mode);
            REQUIRE_MESSAGE(f.ok(), f.diagnostics());
            REQUIRE(f.process(three_rows()));
            REQUIRE(f.sink.failed.size() == 1);
            CHECK(f.sink.failed[0].code == "too_large");
            CHECK(lines_of(f.sink.failed[0].rows) == Lines{"one"});
            const auto on = f.sink.lines();
            REQUIRE(on.size() >= 2);
            CHECK(on[0] == "two");
            CHECK(on[1] == "three");
            CHECK_FALSE(f.plan().trouble());
        }
    }

    TEST_CASE("a plugin that gives up is out of use: its rows fail, as they came in, from then on"
    ) {
        Misbehaving f("fatal");
        CHECK_FALSE(f.plan().trouble());
        REQUIRE(f.process(three_rows()));
        REQUIRE(f.process(three_rows()));
        CHECK(f.sink.emitted_rows() == 0);
        REQUIRE(f.sink.failed.size() == 2);
        for (const auto& failed : f.sink.failed) {
            CHECK(failed.code == "plugin_gave_up");
            CHECK(failed.message == "the plugin gave up: the licence ran out");
            CHECK(lines_of(failed.rows) == Lines{"one", "two", "three"});
        }
        f.clock.advance(std::chrono::hours(1));
        CHECK(f.plan().trouble() == "the plugin gave up: the licence ran out");
    }

    TEST_CASE("rows that a plugin holds when it gives up are sent again by their source") {
        Misbehaving f("hold_then_fatal", "misbehave_holding");
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        REQUIRE(f.process(three_rows()));
        CHECK(f.sink.held == 3);
        REQUIRE(f.process(three_rows()));
        CHECK(f.sink.held == 0);
        CHECK(f.sink.dropped_held == std::map<std::string, uint32_t>{{"sent_again", 3}});
        CHECK(f.sink.failed_rows() == 3);
        CHECK(f.sink.outcomes == std::vector{Outcome::kRetry});
    }

    TEST_CASE("a plugin that asks for another try for five minutes gets its rows failed") {
        Misbehaving f("retry");
        const auto try_once = [&] { return f.process(three_rows()).has_value(); };
        CHECK_FALSE(try_once());
        f.clock.advance(std::chrono::minutes(4));
        CHECK_FALSE(try_once());
        CHECK(f.sink.failed.empty());
        f.clock.advance(std::chrono::minutes(1));
        CHECK(try_once());
        REQUIRE(f.sink.failed.size() == 1);
        CHECK(f.sink.failed[0].code == "plugin_retried_too_long");
        CHECK(f.sink.failed[0].message.find("for 5m: the licence ran out") != std::string::npos);
        CHECK(lines_of(f.sink.failed[0].rows) == Lines{"one", "two", "three"});
        CHECK(f.plan().trouble());
        CHECK(try_once());  // as long as it takes nothing, nothing waits for it again
        CHECK(f.sink.failed.size() == 2);
    }

    TEST_CASE("one batch a plugin never takes fails after five minutes while others go through") {
        Misbehaving f("retry_one");
        const auto other = [] {
            return test::make_batch({{.labels = {{"host", "h1"}}, .ts_ns = 9, .line = "x"}});
        };
        for (int minute = 0; minute < 5; ++minute) {
            CHECK_FALSE(f.process(three_rows()));
            REQUIRE(f.process(other()));
            f.clock.advance(std::chrono::minutes(1));
        }
        CHECK(f.sink.failed.empty());
        CHECK(f.process(three_rows()));
        CHECK(f.sink.failed_rows() == 3);
        CHECK_FALSE(f.process(three_rows()));  // later ones have their own time
    }

    TEST_CASE("a plugin that asks for another try is asked again") {
        Misbehaving f("retry");
        const auto first = f.process(three_rows());
        REQUIRE_FALSE(first);
        CHECK(first.error().code == ErrorCode::kBackpressure);
        CHECK_FALSE(f.plan().trouble());
    }

    TEST_CASE("a call over its budget is counted and shown; one that does not end is shown at once"
    ) {
        Misbehaving f("slow");
        Result<void> done;
        std::thread worker([&] { done = f.process(three_rows()); });
        const bool is_shown = test::eventually([&] {
            f.clock.advance(std::chrono::milliseconds(600));
            const auto trouble = f.plan().trouble();
            return trouble && trouble->find("has been running") != std::string::npos;
        });
        CHECK(is_shown);
        f.clock.advance(std::chrono::seconds(5));
        worker.join();
        CHECK(done);
        CHECK(f.sink.emitted_rows() == 3);
        REQUIRE(f.plan().trouble());
        CHECK(f.plan().trouble()->find("more than its 1000 ms") != std::string::npos);
        CHECK(
            f.registry.text().find("seyir_plugins_over_budget_calls_total{filter=\"under_test\"} 1"
            ) != std::string::npos
        );
    }

    TEST_CASE("rows that are held go on joined, with the promise to their sources") {
        Misbehaving f("hold", "misbehave_holding");
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        CHECK(f.plan().holds_rows());
        CHECK(f.plan().wants_timer());
        REQUIRE(f.process(three_rows()));
        REQUIRE(f.process(three_rows()));
        CHECK(f.sink.emitted_rows() == 0);
        CHECK(f.sink.held == 6);
        REQUIRE(f.flush());
        CHECK(f.sink.held == 0);
        CHECK(f.sink.lines() == Lines{"joined"});
        const auto& out = *f.sink.emitted_held[0].view.batch;
        CHECK(out.attrs(0).size() == 1);
        CHECK(f.sink.holds_open == 0);
        CHECK(f.sink.outcomes == std::vector{Outcome::kDelivered, Outcome::kDelivered});
    }

    TEST_CASE("rows still held when the filter dies are sent again by their source") {
        test::RecordingSink sink;
        {
            Misbehaving f("hold", "misbehave_holding");
            REQUIRE(f.filter().process({three_rows(), {}}, sink));
        }
        CHECK(sink.outcomes == std::vector{Outcome::kRetry});
    }

    TEST_CASE("a plugin that refuses its configuration says why") {
        Misbehaving f("no_create");
        CHECK_FALSE(f.ok());
        CHECK(
            f.diagnostics().find("filter `under_test`: there is no such mode") != std::string::npos
        );
    }
}

}  // namespace
}  // namespace seyir::plugin
