// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "plugins/filter/select/select_filters.hpp"
#include "test/support/filter_fixture.hpp"

using namespace seyir;
using namespace seyir::test;
using Lines = std::vector<std::string>;
using Counts = std::map<std::string, uint32_t>;

namespace {

RecordBatchPtr some_rows() {
    return make_batch({
        {.labels = {{"app", "a"}}, .ts_ns = 1, .line = "GET 200", .metadata = {{"status", "200"}}},
        {.labels = {{"app", "b"}}, .ts_ns = 2, .line = "GET 500", .metadata = {{"status", "500"}}},
        {.labels = {{"app", "a"}}, .ts_ns = 3, .line = "GET oh", .metadata = {{"status", "oh"}}},
        {.labels = {{"app", "a"}}, .ts_ns = 4, .line = "PUT 503", .metadata = {{"status", "503"}}},
    });
}

struct Case {
    std::string condition;
    Lines kept;      ///< by `keep`
    Counts dropped;  ///< by `keep`
};

const std::vector<Case> kCases{
    {"{app=\"a\"}", {"GET 200", "GET oh", "PUT 503"}, {{"not_matched", 1}}},
    {"{app=\"a\"} |= \"GET\"", {"GET 200", "GET oh"}, {{"not_matched", 2}}},
    {"| status >= 500", {"GET 500", "PUT 503"}, {{"not_matched", 1}, {"condition_error", 1}}},
    {"{app=\"c\"}", {}, {{"not_matched", 4}}},
    {"{}", {"GET 200", "GET 500", "GET oh", "PUT 503"}, {}},
    {"| status = \"oh\"", {"GET oh"}, {{"not_matched", 3}}},
};

}  // namespace

TEST_SUITE("plugins/filter/select") {
    TEST_CASE("keep lets selected rows pass and counts the others by reason") {
        for (const Case& c : kCases) {
            CAPTURE(c.condition);
            FilterFixture f(plugins::keep_filter_type(), "type: keep\nif: '" + c.condition + "'");
            REQUIRE_MESSAGE(f.ok(), f.diagnostics());
            REQUIRE(f.process(some_rows()));
            CHECK(f.sink.lines() == c.kept);
            CHECK(f.sink.dropped == c.dropped);
        }
    }

    TEST_CASE("drop is the opposite, except for rows that cannot be judged: both count them") {
        for (const Case& c : kCases) {
            CAPTURE(c.condition);
            FilterFixture f(plugins::drop_filter_type(), "type: drop\nif: '" + c.condition + "'");
            REQUIRE_MESSAGE(f.ok(), f.diagnostics());
            REQUIRE(f.process(some_rows()));
            const auto errors = c.dropped.find("condition_error");
            const uint32_t error_count = errors == c.dropped.end() ? 0 : errors->second;
            CHECK(
                f.sink.dropped == (c.kept.empty()
                                       ? Counts{}
                                       : Counts{{"matched", static_cast<uint32_t>(c.kept.size())}})
            );
            CHECK(f.sink.emitted_rows() == 4 - c.kept.size());
            CHECK(
                f.registry
                    .counter("seyir_filter_condition_errors_total", "", {{"filter", "under_test"}})
                    .value() == error_count
            );
        }
    }

    TEST_CASE("rows are chosen, never copied, and a choice of a choice stays one") {
        FilterFixture f(plugins::keep_filter_type(), "type: keep\nif: '|= \"GET\"'");
        REQUIRE(f.ok());
        const RecordBatchPtr batch = some_rows();
        REQUIRE(f.process(BatchView{batch, Selection::of({1, 2, 3})}));
        REQUIRE(f.sink.emitted.size() == 1);
        CHECK(f.sink.emitted[0].batch == batch);
        CHECK(f.sink.emitted[0].rows.rows == std::vector<uint32_t>{1, 2});
    }

    TEST_CASE("a broken condition is shown with its place and its caret") {
        FilterFixture f(plugins::drop_filter_type(), "type: drop\nif: '| jsn'");
        CHECK(!f.ok());
        // Inside the string, where LogQL stopped.
        CHECK_MESSAGE(
            f.diagnostics().find("test.yaml:4:15\n") != std::string::npos, f.diagnostics()
        );
        CHECK(f.diagnostics().find("did you mean `| json`?") != std::string::npos);
        FilterFixture missing(plugins::drop_filter_type(), "type: drop");
        CHECK(missing.diagnostics().find("`if` is missing") != std::string::npos);
        FilterFixture foreign(plugins::drop_filter_type(), "type: drop\ncondition: '|= \"x\"'");
        CHECK(foreign.diagnostics().find("`if`") != std::string::npos);
    }

    TEST_CASE("an attribute inside braces is refused with a hint") {
        FilterFixture f(plugins::keep_filter_type(), "type: keep\nif: '{filename=\"x\"}'");
        CHECK(!f.ok());
        CHECK(f.diagnostics().find("| filename = ") != std::string::npos);
    }
}
