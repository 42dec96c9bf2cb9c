// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include "plugins/filter/modify/modify_filter.hpp"
#include "test/support/filter_fixture.hpp"
#include "test/support/row_text.hpp"

using namespace seyir;
using namespace seyir::test;
using Lines = std::vector<std::string>;

namespace {

/// One row: {app="a", env="dev"} "GET /x" [status="500" took="250ms" p~="7"] @1000000000
RecordBatchPtr one_row() {
    auto batch = std::make_shared<RecordBatch>();
    const Attr attrs[] = {
        {batch->add_key("status"), Value::string("500")},
        {batch->add_key("took"), Value::string("250ms")},
        {batch->add_key("p"), Value::string("7"), true},
    };
    batch->append_row({
        .ts = {1'000'000'000},
        .stream = batch->add_stream(*StreamLabels::make({{"app", "a"}, {"env", "dev"}})),
        .body = "GET /x",
        .attrs = batch->add_attrs(attrs),
    });
    return batch;
}

struct Case {
    std::string operations;  ///< lines of the list
    std::string row;         ///< after
};

const std::string kLabels = "{app=\"a\", env=\"dev\"} ";
const std::string kAttrs = "[status=\"500\" took=\"250ms\" p~=\"7\"]";

const std::vector<Case> kCases{
    // set: typed as YAML types it, quotes make a string
    {"{set: n, to: 12}",
     kLabels + "GET /x [status=\"500\" took=\"250ms\" p~=\"7\" n=12] @1000000000"},
    {"{set: n, to: '12'}",
     kLabels + "GET /x [status=\"500\" took=\"250ms\" p~=\"7\" n=\"12\"] @1000000000"},
    {"{set: n, to: 1.5}",
     kLabels + "GET /x [status=\"500\" took=\"250ms\" p~=\"7\" n=1.5d] @1000000000"},
    {"{set: n, to: true}",
     kLabels + "GET /x [status=\"500\" took=\"250ms\" p~=\"7\" n=true] @1000000000"},
    {"{set: n, to: prod}",
     kLabels + "GET /x [status=\"500\" took=\"250ms\" p~=\"7\" n=\"prod\"] @1000000000"},
    {"{set: n, to: ''}",
     kLabels + "GET /x [status=\"500\" took=\"250ms\" p~=\"7\" n=\"\"] @1000000000"},
    {"{set: status, to: 1}", kLabels + "GET /x [status=1 took=\"250ms\" p~=\"7\"] @1000000000"},
    {"{set: p, to: 1}", kLabels + "GET /x [status=\"500\" took=\"250ms\" p=1] @1000000000"},
    {"{set: a.b, to: 1}",
     kLabels + "GET /x [status=\"500\" took=\"250ms\" p~=\"7\" a.b=1] @1000000000"},
    {"{set: attributes.line, to: 1}",
     kLabels + "GET /x [status=\"500\" took=\"250ms\" p~=\"7\" line=1] @1000000000"},
    // templates
    {"{set: status, to: \"{{.status}} of {{ .labels.app }}: {{__line__}}{{.no}}\"}",
     kLabels + "GET /x [status=\"500 of a: GET /x\" took=\"250ms\" p~=\"7\"] @1000000000"},
    {"{set: line, to: \"{{.status}} {{.line}}\"}", kLabels + "500 GET /x " + kAttrs + " @1000000000"
    },
    {"{set: severity, to: \"{{.status}}\", if: '| status = \"6\"'}",
     kLabels + "GET /x " + kAttrs + " @1000000000"},
    {"{set: severity, to: warning}", kLabels + "GET /x " + kAttrs + " warn @1000000000"},
    {"{set: severity, to: 17}", kLabels + "GET /x " + kAttrs + " error @1000000000"},
    {"{set: timestamp, to: '1970-01-01T00:00:07Z'}", kLabels + "GET /x " + kAttrs + " @7000000000"},
    {"{set: timestamp, to: \"{{.p}}000\"}", kLabels + "GET /x " + kAttrs + " @7000000000000"},
    {"{set: timestamp, to: 1700000000123}", kLabels + "GET /x " + kAttrs + " @1700000000123000000"},
    {"{set: labels.env, to: \"{{.status}}\"}",
     "{app=\"a\", env=\"500\"} GET /x " + kAttrs + " @1000000000"},
    {"{set: labels.env, to: ''}", "{app=\"a\"} GET /x " + kAttrs + " @1000000000"},
    {"{set: labels.dc, to: eu}",
     "{app=\"a\", dc=\"eu\", env=\"dev\"} GET /x " + kAttrs + " @1000000000"},
    // rename: the value stays what it is, a parsed one becomes real, the target is replaced
    {"{rename: status, to: code}",
     kLabels + "GET /x [took=\"250ms\" p~=\"7\" code=\"500\"] @1000000000"},
    {"{rename: p, to: q}", kLabels + "GET /x [status=\"500\" took=\"250ms\" q=\"7\"] @1000000000"},
    {"{rename: status, to: took}", kLabels + "GET /x [took=\"500\" p~=\"7\"] @1000000000"},
    {"{rename: status, to: status}",
     kLabels + "GET /x [took=\"250ms\" p~=\"7\" status=\"500\"] @1000000000"},
    {"{rename: no, to: x}", kLabels + "GET /x " + kAttrs + " @1000000000"},
    {"{rename: status, to: labels.code}",
     "{app=\"a\", code=\"500\", env=\"dev\"} GET /x [took=\"250ms\" p~=\"7\"] @1000000000"},
    {"{rename: labels.env, to: env}",
     "{app=\"a\"} GET /x [status=\"500\" took=\"250ms\" p~=\"7\" env=\"dev\"] @1000000000"},
    {"{rename: labels.env, to: labels.stage}",
     "{app=\"a\", stage=\"dev\"} GET /x " + kAttrs + " @1000000000"},
    {"{rename: labels.none, to: x}", kLabels + "GET /x " + kAttrs + " @1000000000"},
    {"{rename: p, to: severity}",
     kLabels + "GET /x [status=\"500\" took=\"250ms\"] debug @1000000000"},
    // remove
    {"{remove: status}", kLabels + "GET /x [took=\"250ms\" p~=\"7\"] @1000000000"},
    {"{remove: [status, took, p, no]}", kLabels + "GET /x [] @1000000000"},
    {"{remove: [labels.env, labels.no, severity]}", "{app=\"a\"} GET /x " + kAttrs + " @1000000000"
    },
    // convert
    {"{convert: status, to: int}",
     kLabels + "GET /x [status=500 took=\"250ms\" p~=\"7\"] @1000000000"},
    {"{convert: status, to: double}",
     kLabels + "GET /x [status=500d took=\"250ms\" p~=\"7\"] @1000000000"},
    {"{convert: took, to: duration}",
     kLabels + "GET /x [status=\"500\" took=0.25d p~=\"7\"] @1000000000"},
    {"{convert: p, to: int}", kLabels + "GET /x [status=\"500\" took=\"250ms\" p=7] @1000000000"},
    {"{convert: p, to: bytes}", kLabels + "GET /x [status=\"500\" took=\"250ms\" p=7] @1000000000"},
    {"{convert: status, to: time}",
     kLabels +
         "GET /x [status=\"1970-01-01T00:08:20.000000000Z\" took=\"250ms\" p~=\"7\"] @1000000000"},
    {"{convert: no, to: int}", kLabels + "GET /x " + kAttrs + " @1000000000"},
    // order, and conditions that see what was done before
    {"{convert: status, to: int}\n- {set: severity, to: error, if: '| status >= 500'}\n- {set: "
     "late, to: \"{{.status}}\"}",
     kLabels + "GET /x [status=500 took=\"250ms\" p~=\"7\" late=\"500\"] error @1000000000"},
    {"{set: new, to: a}\n- {rename: new, to: newer}\n- {set: copy, to: \"{{.newer}}\"}",
     kLabels + "GET /x [status=\"500\" took=\"250ms\" p~=\"7\" newer=\"a\" copy=\"a\"] @1000000000"
    },
    {"{remove: status, if: '{app=\"b\"}'}", kLabels + "GET /x " + kAttrs + " @1000000000"},
};

std::string yaml(const std::string& operations) {
    return "type: modify\noperations:\n- " + operations;
}

}  // namespace

TEST_SUITE("plugins/filter/modify") {
    TEST_CASE("operations do what they say, in order") {
        for (const Case& c : kCases) {
            CAPTURE(c.operations);
            FilterFixture f(plugins::modify_filter_type(), yaml(c.operations));
            REQUIRE_MESSAGE(f.ok(), f.diagnostics());
            REQUIRE(f.process(one_row()));
            CHECK(row_texts(f.sink.emitted) == Lines{c.row});
            CHECK(f.sink.failed.empty());
        }
    }

    TEST_CASE("a shared batch is left as it was, and only the view's rows go on") {
        FilterFixture f(plugins::modify_filter_type(), yaml("{set: line, to: x}"));
        const auto batch = make_batch(
            {{.labels = {{"a", "b"}}, .ts_ns = 1, .line = "1"},
             {.labels = {{"a", "b"}}, .ts_ns = 2, .line = "2"}}
        );
        REQUIRE(f.process(BatchView{batch, Selection::of({1})}));
        CHECK(row_texts(f.sink.emitted) == Lines{"{a=\"b\"} x [] @2"});
        CHECK(batch->body(1) == "2");
    }

    TEST_CASE("rows that cannot be changed fail as they came, with the field's name") {
        FilterFixture f(
            plugins::modify_filter_type(),
            yaml("{set: line, to: changed}\n- {set: mark, to: 1}\n- {convert: status, to: int}\n"
                 "- {set: severity, to: \"{{.level}}\", if: '| level != \"\"'}")
        );
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        REQUIRE(f.process(make_batch({
            {.labels = {{"a", "b"}}, .ts_ns = 1, .line = "1", .metadata = {{"status", "200"}}},
            {.labels = {{"a", "b"}}, .ts_ns = 2, .line = "2", .metadata = {{"status", "oh"}}},
            {.labels = {{"a", "b"}}, .ts_ns = 3, .line = "3", .metadata = {{"level", "loud"}}},
            {.labels = {{"a", "b"}}, .ts_ns = 4, .line = "4", .metadata = {{"status", "ah"}}},
        })));
        CHECK(row_texts(f.sink.emitted) == Lines{"{a=\"b\"} changed [status=200 mark=1] @1"});
        REQUIRE(f.sink.failed.size() == 2);
        CHECK(f.sink.failed[0].code == "not_convertible");
        CHECK(f.sink.failed[0].message == "convert `status` to int: `oh` is no int");
        CHECK(
            row_texts({f.sink.failed[0].rows}) ==
            Lines{"{a=\"b\"} 2 [status=\"oh\"] @2", "{a=\"b\"} 4 [status=\"ah\"] @4"}
        );
        CHECK(f.sink.failed[1].code == "bad_value");
        CHECK(row_texts({f.sink.failed[1].rows}) == Lines{"{a=\"b\"} 3 [level=\"loud\"] @3"});
    }

    TEST_CASE("rows that share their attributes go on sharing them") {
        auto batch = std::make_shared<RecordBatch>();
        const Attr attr{batch->add_key("filename"), Value::string("/a")};
        const AttrRange shared = batch->add_attrs({&attr, 1});
        batch->add_stream(*StreamLabels::make({{"a", "b"}}));
        for (int i = 1; i <= 3; ++i) {
            batch->append_row({.ts = {i}, .body = "x", .attrs = shared});
        }
        FilterFixture f(plugins::modify_filter_type(), yaml("{set: env, to: prod}"));
        REQUIRE(f.process(std::move(batch)));
        const RecordBatch& out = *f.sink.emitted[0].batch;
        CHECK(out.attr_range(0) == out.attr_range(2));
        CHECK(attrs_text(out, 2) == "[filename=\"/a\" env=\"prod\"]");
    }

    TEST_CASE("the read time is kept when the time is set") {
        FilterFixture f(plugins::modify_filter_type(), yaml("{set: timestamp, to: 5}"));
        REQUIRE(f.process(one_row()));
        CHECK(f.sink.emitted[0].batch->observed(0) == UnixNanos{1'000'000'000});
    }

    TEST_CASE("labels cannot make more streams than a batch may have") {
        FilterFixture f(plugins::modify_filter_type(), yaml("{set: labels.n, to: \"{{.line}}\"}"));
        std::vector<PlainRow> rows;
        for (int i = 0; i < 5000; ++i) {
            rows.push_back({.labels = {{"a", "b"}}, .ts_ns = i + 1, .line = std::to_string(i)});
        }
        REQUIRE(f.process(make_batch(rows)));
        CHECK(f.sink.emitted_rows() == 4095);
        REQUIRE(f.sink.failed.size() == 1);
        CHECK(f.sink.failed[0].code == "too_many_streams");
        CHECK(f.sink.failed_rows() == 905);
    }

    TEST_CASE("mistakes are found when the file is read, at their place") {
        const std::vector<std::tuple<std::string, std::string, std::string>> mistakes{
            {"{set: a}", ":5:8\n", "`to` is missing"},
            {"{to: a}", ":5:7\n", "an operation has exactly one of"},
            {"{set: a, rename: b, to: c}", ":5:7\n", "an operation has exactly one of"},
            {"{remove: a, to: b}", ":5:19\n", "`remove` takes no `to`"},
            {"{set: severity, to: loud}", ":5:27\n", "`loud` is no severity"},
            {"{set: timestamp, to: noon}", ":5:28\n", "`noon` is no time"},
            {"{set: labels.1x, to: a}", ":5:13\n", "`1x` is no label name"},
            {"{set: a, to: \"{{.b\"}", ":5:20\n", "a template without its closing }}"},
            {"{set: a, to: \"{{toUpper .b}}\"}", ":5:20\n", "the template action {{toUpper .b}}"},
            {"{convert: a, to: integer}", ":5:24\n", "`integer` is no type"},
            {"{convert: line, to: int}", ":5:17\n", "`line` has a type of its own"},
            {"{rename: line, to: b}", ":5:16\n", "`line` cannot be renamed"},
            {"{remove: [a, line]}", ":5:20\n", "every record has a `line`"},
            {"{set: a, to: 1, if: '| x'}", ":5:31\n", "`if` of `under_test`"},
        };
        for (const auto& [operations, place, wanted] : mistakes) {
            CAPTURE(operations);
            FilterFixture f(plugins::modify_filter_type(), yaml(operations));
            CHECK(!f.ok());
            CHECK_MESSAGE(f.diagnostics().find(wanted) != std::string::npos, f.diagnostics());
            CHECK_MESSAGE(f.diagnostics().find(place) != std::string::npos, f.diagnostics());
        }
    }
}
