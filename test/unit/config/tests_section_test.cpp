// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "common/config/reference/reference.hpp"
#include "test/unit/config/sections_fixture.hpp"

namespace {

using namespace seyir;
using namespace seyir::config;
using Checked = test::CheckedSections;

constexpr std::string_view kRoute =
    "routes: [{ name: r, through: [parse, redact], to: [store, alerts], dead_letter: rejected }]\n";

Checked check(std::string_view tests) {
    return Checked(std::string(kRoute) + "tests:\n" + std::string(tests));
}

}  // namespace

TEST_SUITE("common/config/sections/tests") {
    TEST_CASE("a test reads what is fed and what is expected, with every place") {
        const Checked c = check(R"(  - name: all of it
    feed:
      at: redact
      records:
        - { line: "5", labels: { env: prod }, attributes: { line: x }, status: 200, ok: true }
        - { timestamp: 2026-01-01T00:00:00Z, severity: warn, ratio: 1.5, code: "7", v: 1.2.3 }
    expect:
      - { at: store, that: '|= "5"', count: 2 }
      - { at: parse, record: { status: 200 } }
    expect_none: [alerts, parse]
    golden: t/out.jsonl
    advance: 90s
  - { name: file, feed: { file: t/in.log }, golden: /abs/out }
  - { name: lines, feed: { at: sys, lines: [a, ''] }, expect_none: alerts }
)");
        CHECK(c.text() == "");
        REQUIRE(c.tests.size() == 3);
        const TestOptions& t = c.tests[0];
        CHECK(t.name == "all of it");
        CHECK(t.feed.at == "redact");
        CHECK(t.feed.at_is_filter);
        REQUIRE(t.feed.records.size() == 2);
        const TestRecord& first = t.feed.records[0];
        CHECK(first.line == "5");
        CHECK(first.labels == StringPairs{{"env", "prod"}});
        REQUIRE(first.attributes.size() == 3);
        CHECK(first.attributes[0].first == "line");
        CHECK(first.attributes[1].second.kind == TestValue::Kind::kInt);
        CHECK(first.attributes[2].second.kind == TestValue::Kind::kBool);
        const TestRecord& second = t.feed.records[1];
        CHECK_FALSE(second.line);
        CHECK(second.timestamp == UnixNanos{1'767'225'600'000'000'000});
        CHECK(second.severity == "warn");
        CHECK(second.attributes[0].second.kind == TestValue::Kind::kDouble);
        CHECK(second.attributes[1].second.kind == TestValue::Kind::kString);
        CHECK(second.attributes[2].second.kind == TestValue::Kind::kString);
        CHECK(c.sources->slice(second.attributes[2].second.at) == "1.2.3");
        REQUIRE(t.expect.size() == 2);
        CHECK(t.expect[0].that == "|= \"5\"");
        CHECK(t.expect[0].count == 2);
        CHECK_FALSE(t.expect[0].at_is_filter);
        CHECK(t.expect[1].at_is_filter);
        CHECK(t.expect[1].record->attributes[0].second.text == "200");
        CHECK_FALSE(t.expect[1].count);
        CHECK(t.expect_none.size() == 2);
        CHECK(t.golden == "/x/t/out.jsonl");
        CHECK(t.advance == std::chrono::seconds(90));
        CHECK(c.tests[1].feed.at == "app");
        CHECK(c.tests[1].feed.file == "/x/t/in.log");
        CHECK(c.tests[2].feed.lines == std::vector<std::string>{"a", ""});
    }

    TEST_CASE("names, conditions and shapes of tests are checked at their places") {
        const Checked c = check(R"(  - name: a
    feed: { at: redakt, record: { line: x, lable: { a: b }, severity: loud, timestamp: noon } }
    expect: [{ at: stor, that: '|= x' }, { count: 1 }]
    expect_none: app
  - name: a
    feed: { at: store, record: 7, lines: [x] }
    golden: x
  - { name: b, feed: {}, expect: [] }
  - { name: c, expext: 1 }
)");
        CHECK(
            c.text() ==
            R"(E0320 7:17 [redakt] `redakt` is neither an input nor a filter (did you mean `redact`?)
E0202 7:44 [lable] attribute `lable` must have a single value (did you mean `labels`?)
E0404 7:71 [loud] `loud` is not a severity (allowed: trace, debug, info, warn, error, fatal, or 1 to 24)
E0416 7:88 [noon] `noon` is not a time (write a time like `2027-01-31T12:00:00Z` or a date like `2027-01-31`)
E0320 8:20 [stor] `stor` is neither an output nor a filter (did you mean `store`?)
E0317 8:36 [x] `that` of test `a`: syntax error: unexpected `x`, expecting a string
E0201 8:42 [{] `at` is missing in tests[0].expect[1] (add `at: central`)
E0320 9:18 [app] `app` is neither an output nor a filter
E0316 10:11 [a] a second test is named `a` (give each its own name)
E0320 11:17 [store] `store` is neither an input nor a filter
E0202 11:32 [7] a record must be a map (like `{ line: some text }`)
E0321 11:35 [lines] both `record` and `lines` are fed (give one of `record`, `records`, `lines` and `file`)
E0321 13:22 [{] the test feeds nothing (give one of `record`, `records`, `lines` and `file`)
E0205 13:34 [[] `tests[2].expect` has 0 entries (at least 1)
E0201 14:5 [{] `feed` is missing in tests[3]
E0203 14:16 [expext] unknown key `expext` in tests[3] (did you mean `expect`?)
)"
        );
    }

    TEST_CASE("an empty item of a list of maps is not passed over") {
        const Checked c =
            check("  - { name: a, feed: { lines: [x] }, expect_none: [store] }\n  -\n");
        CHECK(c.text() == "E0202 7:4 [] `tests[1]` is empty (give it keys, or remove it)\n");
    }

    TEST_CASE("records keep their types when the effective configuration is printed") {
        const Checked c = check(
            "  - { name: t, expect_none: [alerts], feed: { record: { line: '5', n: 5, f: -1.5, x: "
            "null, s: a b, d: $$x, token: hunter2 } } }\n"
        );
        REQUIRE_MESSAGE(c.text().empty(), c.text());
        const std::string effective = effective_yaml(c.document, c.sections.root);
        CHECK_MESSAGE(
            effective.find(R"(record: {"line": "5", "n": 5, "f": -1.5, "x": null, "s": "a b", )"
                           R"("d": "$$x", "token": "***"})") != std::string::npos,
            effective
        );
        const Checked again(effective, "");
        CHECK(again.text() == "");
        CHECK(effective_yaml(again.document, again.sections.root) == effective);
    }
}
