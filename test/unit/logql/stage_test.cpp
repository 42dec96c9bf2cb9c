// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "common/logql/parser.hpp"
#include "common/logql/route_matcher.hpp"
#include "common/logql/stage/pipeline.hpp"

using namespace seyir;
using namespace seyir::logql;

namespace {

using Labels = std::map<std::string, std::string>;

struct Ran {
    bool kept = false;
    Labels labels;
    std::string line;
};

Ran run(std::string_view stages, std::string_view line) {
    RecordBatch batch;
    const uint16_t stream = batch.add_stream(*StreamLabels::make({{"app", "x"}}));
    const Attr attr{batch.add_key("http.host"), Value::string("h1")};
    const AttrRange attrs = batch.add_attrs({&attr, 1});
    batch.append_row(
        {.ts = {1},
         .stream = stream,
         .severity = kSeverityWarn,
         .body = batch.arena().copy(line),
         .attrs = attrs}
    );
    const auto log = parse_condition(stages);
    REQUIRE_MESSAGE(log, log.error().message);
    const auto pipeline = Pipeline::compile(stages, log->stages);
    REQUIRE_MESSAGE(pipeline, pipeline.error().message);
    ScratchRow row;
    row.bind(batch, 0);
    Ran ran{.kept = pipeline->process(row)};
    row.for_each_label([&](const Label& label) { ran.labels.emplace(label.name, label.value); });
    ran.line = row.line();
    return ran;
}

const Labels kBase{{"app", "x"}, {"http_host", "h1"}, {"detected_level", "warn"}};

Labels with(Labels more) {
    more.insert(kBase.begin(), kBase.end());
    return more;
}

}  // namespace

TEST_SUITE("common/logql/stage") {
    TEST_CASE("attributes answer as labels under their sanitised names") {
        CHECK(run("", "x").labels == kBase);
        CHECK(run("| http_host = \"h1\" | detected_level = \"warn\"", "x").kept);
        CHECK(!run("| http_host != \"h1\"", "x").kept);
    }

    TEST_CASE("asking for one label and for all of them gives the same") {
        const std::vector<std::string> keys{
            "a.b",
            "a_b",
            " a",
            "a",
            "9x",
            "_9x",
            "app",
            "app_extracted",
            "trace_id",
            "detected_level",
            "é",
            "",
            "span_id"
        };
        for (uint64_t seed = 1; seed <= 500; ++seed) {
            CAPTURE(seed);
            std::mt19937_64 random(seed);
            RecordBatch batch;
            std::vector<Attr> attrs;
            for (size_t i = random() % 6; i > 0; --i) {
                const KeyIndex key = batch.add_key(keys[random() % keys.size()]);
                const Value values[] = {
                    Value::integer(-5),
                    Value::real(1.5),
                    Value::string("s"),
                    Value::boolean(true),
                    Value::null()
                };
                attrs.push_back({key, values[random() % 5]});
            }
            const bool has_app = random() % 2 == 0;
            Row row{
                .ts = {1},
                .stream = batch.add_stream(*StreamLabels::make({{has_app ? "app" : "x", "1"}})),
                .severity = random() % 2 == 0 ? kSeverityWarn : kSeverityUnset,
                .body = "x",
                .attrs = batch.add_attrs(attrs)
            };
            row.trace.trace_id[0] = static_cast<uint8_t>(random() % 2);
            row.trace.span_id[7] = static_cast<uint8_t>(random() % 2);
            batch.append_row(row);
            ScratchRow all;
            all.bind(batch, 0);
            Labels wanted;
            all.for_each_label([&](const Label& l) { wanted.emplace(l.name, l.value); });
            for (const std::string& name :
                 {"a_b",
                  "a",
                  "_9x",
                  "app",
                  "app_extracted",
                  "trace_id",
                  "span_id",
                  "detected_level",
                  "x",
                  "_",
                  "none"}) {
                CAPTURE(name);
                ScratchRow one;
                one.bind(batch, 0);
                const auto at = wanted.find(name);
                CHECK(one.in_base(name) == (at != wanted.end()));
                const auto got = one.get(name);
                CHECK(got.has_value() == (at != wanted.end()));
                CHECK(got.value_or("") == (at == wanted.end() ? "" : at->second));
            }
        }
    }

    TEST_CASE("json flattens objects, leaves arrays and nulls, keeps numbers as written") {
        const auto ran =
            run("| json", R"({"a":{"b":1.50,"c":[1],"d":null},"e":true,"9x":"y","app":"z"})");
        CHECK(
            ran.labels ==
            with({{"a_b", "1.50"}, {"e", "true"}, {"_9x", "y"}, {"app_extracted", "z"}})
        );
    }

    TEST_CASE("label_format refuses to make an error") {
        const auto refused = parse_condition("| json | label_format a=b, __error__=`x`");
        REQUIRE_FALSE(refused);
        CHECK(
            refused.error().message.find("col 28: __error__ cannot be formatted") !=
            std::string::npos
        );
    }

    TEST_CASE("labels without number are found, hidden, replaced and dropped as few are") {
        // So many that looking through all of them for each takes longer than this test may.
        constexpr int kFields = 150'000;
        std::string line = "{\"k7\":\"first\"";
        for (int i = 0; i < kFields; ++i) {
            line += ",\"k" + std::to_string(i) + "\":" + std::to_string(i);
        }
        line += ",\"app\":\"z\",\"k5\":\"again\"}";
        const auto parsed = run("| json", line);
        CHECK(parsed.labels.size() == kBase.size() + kFields + 1);
        CHECK(parsed.labels.at("k7") == "first");
        CHECK(parsed.labels.at("k5") == "5");
        CHECK(parsed.labels.at("k149999") == "149999");
        CHECK(parsed.labels.at("app_extracted") == "z");
        const auto changed =
            run("| json | drop k0, k149999 | label_format k9=k8, n=`{{.k3}}`", line);
        CHECK(changed.labels.size() == kBase.size() + kFields - 1);
        CHECK(!changed.labels.contains("k0"));
        CHECK(!changed.labels.contains("k8"));
        CHECK(changed.labels.at("k9") == "8");
        CHECK(changed.labels.at("n") == "3");
        CHECK(changed.labels.at("k149998") == "149998");
        const auto kept = run("| json | keep app, k40, k5, k149999", line);
        CHECK(
            kept.labels == Labels{{"app", "x"}, {"k40", "40"}, {"k5", "5"}, {"k149999", "149999"}}
        );
        // Just around the number from which they are indexed.
        for (const int fields : {31, 32, 33, 34}) {
            std::string few = "{\"x\":1";
            for (int i = 1; i < fields; ++i) {
                few += ",\"k" + std::to_string(i) + "\":" + std::to_string(i);
            }
            const auto ran =
                run("| json | drop x, k1, k30 | label_format k1=`a`, x=`b`, k30=`c`", few + "}");
            CHECK(ran.labels.size() == kBase.size() + static_cast<size_t>(std::max(fields, 31)));
            CHECK(ran.labels.at("k1") == "a");
            CHECK(ran.labels.at("x") == "b");
            CHECK(ran.labels.at("k30") == "c");
            CHECK(ran.labels.at("k29") == "29");
        }
    }

    TEST_CASE("json keeps the first of repeated names and what stands before an error") {
        CHECK(run("| json", R"({"k":"1","k":"2"})").labels == with({{"k", "1"}}));
        const auto ran = run("| json", R"({"k":"1","l":{"m":2},"n":)");
        CHECK(ran.labels.at("k") == "1");
        CHECK(ran.labels.at("l_m") == "2");
        CHECK(ran.labels.at("__error__") == "JSONParserErr");
        CHECK(run("| json", "").labels.at("__error__") == "JSONParserErr");
        CHECK(run("| json", "[1]").labels.at("__error__") == "JSONParserErr");
        CHECK(run("| json", "{\"a\":\"b\xff\"}").labels.at("a") == "b ");
        const std::string deep =
            "{\"a\":" + std::string(1'000, '[') + std::string(1'000, ']') + "}";
        CHECK(run("| json", deep).kept);
    }

    TEST_CASE("errors pass in queries and can be dropped by name") {
        CHECK(run("| json", "text").kept);
        CHECK(run("| json | status >= 500", "text").kept);
        CHECK(!run("| json | __error__ = \"\"", "text").kept);
        CHECK(run("| json | drop __error__, __error_details__", "text").labels == kBase);
        const auto ran = run("| logfmt | size > 5KB", "size=many");
        CHECK(ran.kept);
        CHECK(ran.labels.at("__error__") == "LabelFilterErr");
    }

    TEST_CASE("logfmt takes quoted, empty and broken pairs as told") {
        CHECK(
            run("| logfmt", "a=1 b=\"x \\\"y\\\"\" c= d e=f=g h=2").labels ==
            with({{"a", "1"}, {"b", "x \"y\""}, {"h", "2"}})
        );
        CHECK(run("| logfmt --keep-empty", "c= d").labels == with({{"c", ""}, {"d", ""}}));
        CHECK(run("| logfmt --strict", "e=f=g").labels.at("__error__") == "LogfmtParserErr");
        CHECK(run("| logfmt", "a=\"open").labels == kBase);
    }

    TEST_CASE("label filters compare numbers, durations and sizes") {
        CHECK(run("| logfmt | t > 250ms and n >= 10 and s = 1KiB", "t=0.3s n=10 s=1024").kept);
        CHECK(!run("| logfmt | t > 250ms", "t=249ms").kept);
        CHECK(!run("| logfmt | missing > 1", "t=1").kept);
        CHECK(run("| logfmt | missing = \"\"", "t=1").kept);
        CHECK(run("| logfmt | a = \"1\" or b = \"2\", c = \"3\"", "a=1").kept);
    }

    TEST_CASE("labels can be dropped, kept, renamed and formatted") {
        CHECK(run("| logfmt | keep a, app=\"y\"", "a=1 b=2").labels == Labels{{"a", "1"}});
        CHECK(run("| logfmt | drop a=\"2\", b, app", "a=1 b=2").labels.contains("a"));
        const auto ran =
            run("| logfmt | label_format c=a, d=\"<{{.b}}>\" | line_format \"{{.d}} {{ .c }}\"",
                "a=1 b=2");
        CHECK(ran.line == "<2> 1");
        CHECK(!ran.labels.contains("a"));
    }

    TEST_CASE("only line filters before a change of the line may prune") {
        const std::string text =
            "|= \"abc\" |~ \"x+needle\" |= \"a\\\\b\" != \"not\" |= \"or\" or \"else\" | json | "
            "line_format \"y\" |= \"late\"";
        const auto pipeline = Pipeline::compile(text, parse_condition(text)->stages);
        REQUIRE(pipeline);
        CHECK(pipeline->required_texts() == std::vector<std::string>{"abc", "needle"});
    }

    TEST_CASE("what is not offered yet is said with its place") {
        const std::string text = "|= \"x\" | line_format `{{ define \"a\" }}`";
        const auto pipeline = Pipeline::compile(text, parse_condition(text)->stages);
        REQUIRE(!pipeline);
        CHECK(pipeline.error().code == ErrorCode::kUnsupported);
        CHECK(pipeline.error().message.starts_with(
            "parse error at line 1, col 8: {{define}} in templates is not supported yet"
        ));
    }
}

TEST_SUITE("common/logql/route_matcher") {
    TEST_CASE("a route selects by stream, then by stages, and never rows with an error") {
        auto batch = std::make_shared<RecordBatch>();
        const uint16_t a = batch->add_stream(*StreamLabels::make({{"app", "a"}}));
        const uint16_t b = batch->add_stream(*StreamLabels::make({{"app", "b"}}));
        batch->append_row({.ts = {1}, .stream = a, .body = R"({"status":500})"});
        batch->append_row({.ts = {2}, .stream = b, .body = R"({"status":503})"});
        batch->append_row({.ts = {3}, .stream = b, .body = "not json"});
        batch->append_row({.ts = {4}, .stream = b, .body = R"({"status":200})"});
        const auto rows = [&](std::string_view text, uint64_t* errors = nullptr) {
            const auto route = RouteMatcher::compile(text);
            REQUIRE_MESSAGE(route, route.error().message);
            const Selection selection = route->match({batch, {}}, errors);
            return selection.all ? std::vector<uint32_t>{0, 1, 2, 3} : selection.rows;
        };
        CHECK(rows("") == std::vector<uint32_t>{0, 1, 2, 3});
        CHECK(rows("{}") == std::vector<uint32_t>{0, 1, 2, 3});
        CHECK(rows("{app=\"b\"}") == std::vector<uint32_t>{1, 2, 3});
        uint64_t errors = 0;
        CHECK(rows("{app=\"b\"} | json | status >= 500", &errors) == std::vector<uint32_t>{1});
        CHECK(errors == 1);
        CHECK(rows("|= \"not\"") == std::vector<uint32_t>{2});
        const auto some =
            RouteMatcher::compile("{app=~\"a|b\"}")->match({batch, Selection::of({1, 3})});
        CHECK(some.rows == std::vector<uint32_t>{1, 3});
    }

    TEST_CASE("an attribute inside the braces is refused with the right way to write it") {
        const auto route = RouteMatcher::compile("{app=\"a\", filename=\"/x\"}");
        REQUIRE(!route);
        CHECK(route.error().message.find("line 1, col 11") != std::string::npos);
        CHECK(route.error().message.ends_with(
            "hint: select it behind the braces: | filename = \"...\""
        ));
    }
}
