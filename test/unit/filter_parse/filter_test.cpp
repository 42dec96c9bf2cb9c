// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "test/unit/filter_parse/parse_fixture.hpp"

using namespace seyir;
using namespace seyir::test;

TEST_SUITE("plugins/filter/parse") {
    TEST_CASE("bodies, rows and their order are never changed") {
        const std::vector<std::string> lines{R"({"a":1})", "no json", "", R"({"b":"\u0041"})"};
        const Parsed p("format: json", lines);
        REQUIRE(p.batch().row_count() == lines.size());
        for (size_t i = 0; i < lines.size(); ++i) {
            CHECK(p.batch().body(i) == lines[i]);
        }
    }

    TEST_CASE("on_error: dead_letter gives misses to the sink by reason, as they came") {
        FilterFixture f(
            plugins::parse_filter_type(), "type: parse\nformat: json\non_error: dead_letter"
        );
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        REQUIRE(f.process(lines_batch({R"({"a":1})", "x", R"({"a":2})", "y"})));
        CHECK(f.sink.lines() == std::vector<std::string>{R"({"a":1})", R"({"a":2})"});
        REQUIRE(f.sink.failed.size() == 1);
        CHECK(f.sink.failed[0].code == "bad_json");
        CHECK(f.sink.failed_rows() == 2);
        CHECK(f.sink.failed[0].rows.batch->body(f.sink.failed[0].rows.rows.rows[1]) == "y");
    }

    TEST_CASE("a shared batch is not changed under other routes") {
        FilterFixture f(plugins::parse_filter_type(), "type: parse\nformat: json");
        REQUIRE(f.ok());
        const RecordBatchPtr shared = lines_batch({R"({"a":1})"});
        REQUIRE(f.process(shared));
        CHECK(fields_of(*shared, 0) == "");
        CHECK(fields_of(*f.sink.emitted[0].batch, 0) == "a=1");
    }

    TEST_CASE("attributes a record has stay, and win over fields of the same name") {
        FilterFixture f(plugins::parse_filter_type(), "type: parse\nformat: json");
        REQUIRE(f.ok());
        REQUIRE(f.process(make_batch(
            {{.labels = {{"app", "x"}}, .line = R"({"b":1,"a":2})", .metadata = {{"a", "own"}}}}
        )));
        CHECK(fields_of(*f.sink.emitted[0].batch, 0) == R"(a:="own" b=1)");
        CHECK(f.registry.text().find("reason=\"duplicate\"} 1") != std::string::npos);
    }

    TEST_CASE("from: parses an attribute instead of the body") {
        FilterFixture f(plugins::parse_filter_type(), "type: parse\nformat: json\nfrom: inner");
        REQUIRE(f.ok());
        REQUIRE(f.process(make_batch(
            {{.labels = {{"app", "x"}}, .line = "x", .metadata = {{"inner", R"({"a":1})"}}},
             {.labels = {{"app", "x"}}, .line = "y"}}
        )));
        CHECK(fields_of(*f.sink.emitted[0].batch, 0) == R"(inner:="{\"a\":1}" a=1)");
        CHECK(f.registry.text().find("reason=\"no_field\"} 1") != std::string::npos);
    }

    TEST_CASE("prefix, types and promote") {
        CHECK(
            parsed(
                "format: json\nprefix: p_\ntypes: { a: int, b: float, c: bool, d: string, e: int "
                "}\n"
                "promote: [a, d]",
                R"({"a":"42","b":"1.5","c":"yes","d":7,"e":"x","f":1})"
            ) == R"(p_a:=42 p_b=1.5 p_c=true p_d:="7" p_e="x" p_f=1)"
        );
        CHECK(parsed("format: json\npromote: all", R"({"a":1,"b":2})") == "a:=1 b:=2");
    }

    TEST_CASE("time, level and trace come from the fields with these roles") {
        const Parsed p(
            "format: json\ntime: { key: ts }\nlevel: lvl\ntrace_id: t\nspan_id: s",
            {R"({"ts":"2026-01-01T00:00:01.5Z","lvl":"WARNING","t":"0af7651916cd43dd8448eb211c80319c","s":"b7ad6b7169203331"})"
            }
        );
        CHECK(p.batch().ts(0).value == 1'767'225'601'500'000'000);
        CHECK(p.batch().observed(0).value == 1'767'225'600'000'000'000);
        CHECK(p.batch().severity(0) == kSeverityWarn);
        CHECK(p.batch().trace(0).trace_id[0] == 0x0a);
        CHECK(p.batch().trace(0).span_id[7] == 0x31);
    }

    TEST_CASE("a wrong clock never refuses a record: it keeps its time and what the line said") {
        const Parsed p(
            "format: json\ntime: { key: t, behind_max: 24h }",
            {R"({"t":"2026-01-01T00:59:00Z"})",
             R"({"t":"2026-01-01T01:01:00Z"})",
             R"({"t":"2025-12-30T23:59:00Z"})",
             R"({"t":"9999-01-01T00:00:00Z"})",
             R"({"t":4102444800})",
             R"({"t":"yesterday"})"}
        );
        const auto& batch = p.batch();
        CHECK(batch.ts(0).value == 1'767'229'140'000'000'000);
        for (size_t row = 1; row < 6; ++row) {
            CAPTURE(row);
            CHECK(batch.ts(row).value == 1'767'225'600'000'000'000 + static_cast<int64_t>(row));
        }
        CHECK(
            p.fields(1) == R"(t="2026-01-01T01:01:00Z" timestamp_original:="2026-01-01T01:01:00Z")"
        );
        CHECK(p.fields(4) == R"(t=4102444800 timestamp_original:="4102444800")");
        CHECK(p.fields(5) == R"(t="yesterday")");
    }

    TEST_CASE("numbers of levels are read by their scale") {
        struct Case {
            const char* scale;
            const char* level;
            SeverityNumber severity;
        };

        for (const Case& c :
             {Case{"auto", "3", kSeverityError},
              {"auto", "30", kSeverityInfo},
              {"auto", "60", kSeverityFatal},
              {"otel", "14", 14},
              {"python", "30", kSeverityWarn},
              {"pino", "50", kSeverityError},
              {"syslog", "0", 24},
              {"auto", "\"notice\"", 10},
              {"auto", "\"7\"", kSeverityDebug},
              {"otel", "99", 0},
              {"auto", "true", 0}}) {
            CAPTURE(c.level);
            const Parsed p(
                fmt::format("format: json\nlevel: l\nlevel_numbers: {}", c.scale),
                {fmt::format("{{\"l\":{}}}", c.level)}
            );
            CHECK(p.batch().severity(0) == c.severity);
        }
    }

    TEST_CASE("mistakes in a configuration are shown at their place") {
        struct Case {
            const char* yaml;
            const char* words;
        };

        for (const Case& c :
             {Case{"format: regex", "has no `pattern`"},
              {"format: regex\npattern: '(?P<a>['", "missing"},
              {"format: regex\npattern: 'abc'", "no named group"},
              {"format: json\npattern: 'abc'", "is for regex and grok"},
              {"format: json\ntime: { format: '%Q' }", "%Q is no part of a time"},
              {"format: json\ntime: { format: 'iso' }", "neither auto"},
              {"format: json\ntime: { timezone: 'Mars/Base' }", "Mars/Base"},
              {"format: csv", "needs names for its columns"},
              {"format: csv\ncsv: { columns: [a], delimiter: ab }", "one character"}}) {
            CAPTURE(c.yaml);
            const FilterFixture f(
                plugins::parse_filter_type(), std::string("type: parse\n") + c.yaml
            );
            CHECK_FALSE(f.ok());
            CAPTURE(f.diagnostics());
            CHECK(f.diagnostics().find(c.words) != std::string::npos);
        }
    }

    TEST_CASE("regex: named groups are fields, of several expressions the first that fits counts") {
        const std::string yaml =
            "format: regex\ntypes: { code: int }\npattern:\n  - '^(?<ip>[0-9.]+) (?P<code>\\d+)( "
            "(?<opt>x))?$'\n"
            "  - '^(?<word>\\w+)$'";
        CHECK(parsed(yaml, "10.0.0.1 200") == R"(ip="10.0.0.1" code=200)");
        CHECK(parsed(yaml, "10.0.0.1 200 x") == R"(ip="10.0.0.1" code=200 opt="x")");
        CHECK(parsed(yaml, "hello") == R"(word="hello")");
        CHECK(parsed(yaml, "- -") == "");
    }

    TEST_CASE("expressions of other programs are read: (?<name>, slashes, brackets in classes") {
        using plugins::parse::re2_syntax;
        CHECK(re2_syntax("/^(?<a>x)$/") == "^(?P<a>x)$");
        CHECK(
            re2_syntax(R"([(?<a>]\(?<b>[]](?<c>)(?P<d>))") == R"([(?<a>]\(?<b>[]](?P<c>)(?P<d>))"
        );
        CHECK(re2_syntax("[^\\u0023]") == "[^\\x{0023}]");
        CHECK(re2_syntax("(?<=a)(?<!b)") == "(?<=a)(?<!b)");
    }
}
