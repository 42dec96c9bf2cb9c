// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "plugins/filter/rate/dedupe_filter.hpp"
#include "test/support/filter_fixture.hpp"
#include "test/support/row_text.hpp"

using namespace seyir;
using namespace seyir::test;
using namespace std::chrono_literals;
using Lines = std::vector<std::string>;
using Counts = std::map<std::string, uint32_t>;

namespace {

/// Lines of one stream, as a source sends them: one stretch, or none for end = 0.
RecordBatchPtr lines(
    const Lines& texts, uint64_t begin = 0, uint64_t end = 0, std::string app = "a"
) {
    auto batch = std::make_shared<RecordBatch>();
    const uint16_t stream = batch->add_stream(*StreamLabels::make({{"app", app}}));
    if (end != 0) {
        SourcePosition position{.key = {{1, 2}, 3}};
        position.begin = begin;
        position.end = end;
        batch->add_position(position);
    }
    int64_t ts = 1;
    for (const std::string& text : texts) {
        batch->append_row({
            .ts = {ts++},
            .stream = stream,
            .origin = end == 0 ? kNoOrigin : uint16_t{0},
            .body = batch->arena().copy(text),
        });
    }
    return batch;
}

FilterFixture fixture(const std::string& more) {
    return FilterFixture(plugins::dedupe_filter_type(), "type: dedupe\nwindow: 10s" + more);
}

}  // namespace

TEST_SUITE("plugins/filter/rate/dedupe") {
    TEST_CASE("repeats within the window of the first end, counted") {
        FilterFixture f = fixture("");
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        REQUIRE(f.process(lines({"x", "y", "x", "x"})));
        CHECK(f.sink.lines() == Lines{"x", "y"});
        CHECK(f.sink.dropped == Counts{{"repeated", 2}});
        f.clock.advance(9s);
        REQUIRE(f.process(lines({"x"})));
        f.clock.advance(1s);
        REQUIRE(f.process(lines({"x"})));
        CHECK(f.sink.lines() == Lines{"x", "y", "x"});
    }

    TEST_CASE("streams are told apart unless asked otherwise, workers share what was seen") {
        FilterFixture f = fixture("");
        REQUIRE(f.process(lines({"x"})));
        REQUIRE(f.process(lines({"x"}, 0, 0, "b")));
        CHECK(f.sink.emitted_rows() == 2);
        auto other = f.another();
        REQUIRE(other);
        REQUIRE((*other)->process({lines({"x"}), {}}, f.sink));
        CHECK(f.sink.emitted_rows() == 2);
        FilterFixture g = fixture("\nacross_streams: true");
        REQUIRE(g.process(lines({"x"})));
        REQUIRE(g.process(lines({"x"}, 0, 0, "b")));
        CHECK(g.sink.emitted_rows() == 1);
    }

    TEST_CASE("chosen fields make records equal; the condition chooses which are looked at") {
        FilterFixture f = fixture("\nby: [code]\nif: '| code != \"2\"'");
        std::vector<PlainRow> rows;
        for (const char* code : {"1", "2", "1", "2", "3"}) {
            rows.push_back(
                {.labels = {{"a", "b"}}, .ts_ns = 1, .line = code, .metadata = {{"code", code}}}
            );
        }
        REQUIRE(f.process(make_batch(rows)));
        CHECK(f.sink.lines() == Lines{"1", "2", "2", "3"});
    }

    TEST_CASE("what a source sends again is no repeat of its own first attempt") {
        FilterFixture f = fixture("");
        REQUIRE(f.process(lines({"x", "y", "x"}, 100, 106)));
        CHECK(f.sink.lines() == Lines{"x", "y"});
        // The same stretch, then the same stretch cut otherwise.
        REQUIRE(f.process(lines({"x", "y", "x"}, 100, 106)));
        CHECK(f.sink.lines() == Lines{"x", "y", "x", "y"});
        REQUIRE(f.process(lines({"x"}, 100, 102)));
        REQUIRE(f.process(lines({"y", "x"}, 102, 106)));
        CHECK(f.sink.lines() == Lines{"x", "y", "x", "y", "x", "y"});
        // What follows is a repeat.
        REQUIRE(f.process(lines({"x", "y"}, 106, 110)));
        CHECK(f.sink.emitted_rows() == 6);
    }

    TEST_CASE("a push that is repeated as a whole passes again") {
        FilterFixture f = fixture("");
        for (int attempt = 0; attempt < 2; ++attempt) {
            auto batch = std::make_shared<RecordBatch>();
            batch->set_provenance({.push_hash = {7, 8}});
            batch->add_stream(*StreamLabels::make({{"app", "a"}}));
            batch->append_row({.ts = {1}, .body = "x"});
            REQUIRE(f.process(std::move(batch)));
        }
        CHECK(f.sink.emitted_rows() == 2);
    }

    TEST_CASE("memory is bounded: the key not seen for longest is forgotten, counted") {
        FilterFixture f = fixture("\nmax_keys: 2");
        REQUIRE(f.process(lines({"a", "b", "c", "a"})));
        CHECK(f.sink.emitted_rows() == 4);
        CHECK(
            f.registry
                .counter("seyir_filter_dedupe_evicted_keys_total", "", {{"filter", "under_test"}})
                .value() == 2
        );
    }

    TEST_CASE("summarize holds the first and lets it go with the number of its repeats") {
        FilterFixture f = fixture("\nmode: summarize");
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        CHECK(f.plan().holds_rows());
        CHECK(f.plan().wants_timer());
        REQUIRE(f.process(lines({"x", "y", "x", "x"}, 100, 108)));
        CHECK(f.sink.emitted_rows() == 0);
        CHECK(f.sink.held == 2);
        CHECK(f.sink.dropped == Counts{{"repeated", 2}});
        REQUIRE(f.flush());
        CHECK(f.sink.held == 2);
        f.clock.advance(5s);
        REQUIRE(f.process(lines({"z"})));
        f.clock.advance(5s);
        REQUIRE(f.flush());
        CHECK(f.sink.lines() == Lines{"x", "y"});
        CHECK(attrs_text(*f.sink.emitted_held[0].view.batch, 0) == "[repeated=2]");
        CHECK(attrs_text(*f.sink.emitted_held[1].view.batch, 0) == "[]");
        CHECK(f.sink.emitted_held[0].view.batch->positions().empty());
        CHECK(f.sink.held == 1);
        REQUIRE(f.flush(pipeline::FlushReason::kShutdown));
        CHECK(f.sink.held == 0);
        CHECK(f.sink.holds_open == 0);
        CHECK(f.sink.lines() == Lines{"x", "y", "z"});
    }

    TEST_CASE("a held record keeps all it had, and a full table lets the oldest go early") {
        FilterFixture f = fixture("\nmode: summarize\nmax_keys: 1\nif: '|~ \"[a-z]\"'");
        REQUIRE(f.process(make_batch({
            {.labels = {{"a", "b"}},
             .ts_ns = 7,
             .line = "first",
             .metadata = {{"k", "v"}},
             .severity = kSeverityWarn},
            {.labels = {{"a", "b"}}, .ts_ns = 8, .line = "1"},
            {.labels = {{"a", "b"}}, .ts_ns = 9, .line = "second"},
        })));
        CHECK(row_texts(f.sink.emitted) == Lines{"{a=\"b\"} 1 [] @8"});
        REQUIRE(f.sink.emitted_held.size() == 1);
        CHECK(
            row_texts({f.sink.emitted_held[0].view}) == Lines{"{a=\"b\"} first [k=\"v\"] warn @7"}
        );
        CHECK(f.sink.held == 1);
        REQUIRE(f.flush(pipeline::FlushReason::kReload));
        CHECK(f.sink.holds_open == 0);
    }
}
