// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/logql_filter/logql_filter.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "test/support/filter_fixture.hpp"
#include "test/support/row_text.hpp"

using namespace seyir;
using namespace seyir::test;
using Lines = std::vector<std::string>;
using Counts = std::map<std::string, uint32_t>;

namespace {

const std::string kBad = R"({"status":)";

RecordBatchPtr some_rows() {
    return make_batch({
        {.labels = {{"app", "a"}},
         .ts_ns = 1,
         .line = R"({"status":200,"path":"/"})",
         .metadata = {{"k.v", "1"}, {"z", "2"}}},
        {.labels = {{"app", "b"}}, .ts_ns = 2, .line = R"({"status":500,"path":"/x"})"},
        {.labels = {{"app", "a"}}, .ts_ns = 3, .line = kBad},
        {.labels = {{"app", "a"}},
         .ts_ns = 4,
         .line = R"({"status":503,"path":"/y"})",
         .metadata = {{"k.v", "1"}}},
    });
}

struct Case {
    std::string query;
    Lines rows;
    Counts dropped;
    size_t failed = 0;
};

const std::vector<Case> kCases{
    {"|= \"500\"", {"{app=\"b\"} {\"status\":500,\"path\":\"/x\"} [] @2"}, {{"not_matched", 3}}},
    {"{app=\"a\"} | json | status >= 500",
     {"{app=\"a\"} {\"status\":503,\"path\":\"/y\"} [k.v=\"1\"] @4"},
     {{"not_matched", 2}},
     1},
    {"| json | line_format \"{{.app}} {{.path}} {{.k_v}}\"",
     {"{app=\"a\"} a / 1 [k.v=\"1\" z=\"2\"] @1",
      "{app=\"b\"} b /x  [] @2",
      "{app=\"a\"} a /y 1 [k.v=\"1\"] @4"},
     {},
     1},
    {"{app=\"a\"} |= \"200\" | drop k_v",
     {"{app=\"a\"} {\"status\":200,\"path\":\"/\"} [z=\"2\"] @1"},
     {{"not_matched", 3}}},
    {"{app=\"a\"} |= \"200\" | keep k_v",
     {"{app=\"a\"} {\"status\":200,\"path\":\"/\"} [k.v=\"1\"] @1"},
     {{"not_matched", 3}}},
    {"|= \"200\" | drop k_v=\"2\", app",
     {"{app=\"a\"} {\"status\":200,\"path\":\"/\"} [k.v=\"1\" z=\"2\"] @1"},
     {{"not_matched", 3}}},
    {"|= \"200\" | label_format z=\"3\"",
     {"{app=\"a\"} {\"status\":200,\"path\":\"/\"} [k.v=\"1\" z=\"2\"] @1"},
     {{"not_matched", 3}}},
    {"|= \"nothing\"", {}, {{"not_matched", 4}}},
};

}  // namespace

TEST_SUITE("plugins/filter/logql_filter") {
    TEST_CASE("tests select, line_format writes the line, drop and keep take attributes away") {
        for (const Case& c : kCases) {
            CAPTURE(c.query);
            FilterFixture f(plugins::logql_filter_type(), "type: logql\nquery: '" + c.query + "'");
            REQUIRE_MESSAGE(f.ok(), f.diagnostics());
            REQUIRE(f.process(some_rows()));
            CHECK(row_texts(f.sink.emitted) == c.rows);
            CHECK(f.sink.dropped == c.dropped);
            CHECK(f.sink.failed_rows() == c.failed);
        }
    }

    TEST_CASE("records that end with an error fail as they came, with the error's name") {
        FilterFixture f(
            plugins::logql_filter_type(), "type: logql\nquery: '| json | line_format \"x\"'"
        );
        REQUIRE(f.process(some_rows()));
        REQUIRE(f.sink.failed.size() == 1);
        CHECK(f.sink.failed[0].code == "logql_error");
        CHECK(f.sink.failed[0].message.starts_with("JSONParserErr: "));
        CHECK(row_texts({f.sink.failed[0].rows}) == Lines{"{app=\"a\"} " + kBad + " [] @3"});
    }

    TEST_CASE("while only tests decide nothing is copied") {
        FilterFixture f(
            plugins::logql_filter_type(), "type: logql\nquery: '| json | path != \"\" | drop none'"
        );
        const RecordBatchPtr batch = some_rows();
        REQUIRE(f.process(BatchView{batch, Selection::of({0, 1, 3})}));
        REQUIRE(f.sink.emitted.size() == 1);
        CHECK(f.sink.emitted[0].batch == batch);
        CHECK(f.sink.emitted[0].rows.rows == std::vector<uint32_t>{0, 1, 3});
    }

    TEST_CASE("a view of some rows changes only those, and leaves the shared batch alone") {
        FilterFixture f(
            plugins::logql_filter_type(), "type: logql\nquery: '|= \"50\" | line_format \"y\"'"
        );
        const RecordBatchPtr batch = some_rows();
        REQUIRE(f.process(BatchView{batch, Selection::of({0, 3})}));
        CHECK(row_texts(f.sink.emitted) == Lines{"{app=\"a\"} y [k.v=\"1\"] @4"});
        CHECK(batch->body(3) == R"({"status":503,"path":"/y"})");
    }

    TEST_CASE("templates that double the line with each stage end at their budget") {
        std::string query;
        for (int i = 0; i < 60; ++i) {
            query += "| line_format \"{{__line__}}{{__line__}}\" ";
        }
        FilterFixture f(plugins::logql_filter_type(), "type: logql\nquery: '" + query + "'");
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        REQUIRE(f.process(make_batch({{.labels = {{"a", "b"}}, .ts_ns = 1, .line = "12345678"}})));
        REQUIRE(f.sink.failed.size() == 1);
        CHECK(
            f.sink.failed[0].message ==
            "TemplateFormatErr: templates wrote more than 4 MiB for this line"
        );
        CHECK(row_texts({f.sink.failed[0].rows}) == Lines{"{a=\"b\"} 12345678 [] @1"});
    }

    TEST_CASE("mistakes point into the query") {
        FilterFixture f(
            plugins::logql_filter_type(), "type: logql\nquery: '| json | line_format \"{{.a\"'"
        );
        CHECK_MESSAGE(f.diagnostics().find(":4:20\n") != std::string::npos, f.diagnostics());
        CHECK(f.diagnostics().find("unclosed action") != std::string::npos);
        FilterFixture g(
            plugins::logql_filter_type(), "type: logql\nquery: 'count_over_time({a=\"b\"}[1m])'"
        );
        CHECK(!g.ok());
    }
}
