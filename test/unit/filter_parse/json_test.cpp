// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "plugins/filter/parse/format/json_parser.hpp"
#include "test/support/shared.hpp"
#include "test/unit/filter_parse/parse_fixture.hpp"

using namespace seyir;
using namespace seyir::test;
using plugins::parse::FieldWriter;
using plugins::parse::JsonParser;
using plugins::parse::Miss;
using plugins::parse::Nested;

namespace {

std::optional<Miss> try_json(std::string_view text) {
    RecordBatch batch;
    FieldWriter writer({});
    writer.begin_batch(batch);
    writer.begin_row({});
    // A copy of exactly the bytes: sanitizers see a read beyond them.
    const std::vector<char> exact(text.begin(), text.end());
    return JsonParser(Nested::kFlatten).parse({exact.data(), exact.size()}, writer);
}

struct Case {
    std::string line;
    std::string fields;
};

}  // namespace

TEST_SUITE("plugins/filter/parse") {
    TEST_CASE("members of a JSON object become parsed attributes with their types") {
        const std::vector<Case> cases{
            {R"({"a":1,"b":"x","c":true,"d":null,"e":2.5})", R"(a=1 b="x" c=true d=null e=2.5)"},
            {R"({ "a" : { "b" : { "c" : 1 } , "d" : [1, {"x":2}] } })", R"(a_b_c=1 a_d=[1,{"x":2}])"
            },
            {R"({"s":"a\"b\\c\/\n\u00e9\ud83d\ude00"})",
             "s=\"a\\\"b\\\\c/\\n\xc3\xa9\xf0\x9f\x98\x80\""},
            {R"({"s":"\ud800x"})", "s=\"\xef\xbf\xbdx\""},
            {R"({"a\u0062":1})", "ab=1"},
            {R"({})", ""},
            {R"([1,"x"])", R"(value=[1,"x"])"},
            {R"("x")", R"(value="x")"},
            {R"({"i":9223372036854775807,"j":-9223372036854775808})",
             "i=9223372036854775807 j=-9223372036854775808"},
            // Numbers outside int64 and double keep their text.
            {R"({"i":9223372036854775808,"d":1e400,"z":-0})", "i=9223372036854775808 d=1e400 z=-0"},
            {R"({"d":0.1,"e":123456789012345678.5,"f":1e-7,"g":22.724})",
             "d=0.1 e=1.2345678901234568e+17 f=1e-07 g=22.724"},
            // The first of two wins.
            {R"({"a":1,"a":2,"b":{"c":3},"b_c":4})", "a=1 b_c=3"},
        };
        for (const Case& c : cases) {
            CAPTURE(c.line);
            CHECK(parsed("format: json", c.line) == c.fields);
        }
    }

    TEST_CASE("numbers are read as the nearest double") {
        for (const char* text :
             {"0.1",
              "1e22",
              "1e23",
              "123456789.123456",
              "2.2250738585072014e-308",
              "1.7976931348623157e308",
              "9007199254740993.0",
              "5e-324",
              "1e15"}) {
            CAPTURE(text);
            const Parsed p("format: json", {std::string(R"({"n":)") + text + "}"});
            CHECK(p.batch().attrs(0)[0].value.as_double() == std::strtod(text, nullptr));
        }
    }

    TEST_CASE("nested: map keeps objects as one attribute") {
        CHECK(
            parsed("format: json\nnested: map", R"({"a":{"b":{"c":1}},"d":{}})") ==
            R"(a={"b":{"c":1}} d={})"
        );
    }

    TEST_CASE("what is no JSON is a miss with its place, and the record goes on as it came") {
        struct Bad {
            std::string line;
            size_t at;
        };

        const std::vector<Bad> cases{
            {R"({"a":1)", 6},
            {R"({"a":1,})", 7},
            {R"({"a" 1})", 5},
            {R"({"a":tru})", 5},
            {R"({"a":"x)", 7},
            {R"({"a":01})", 5},
            {R"({"a":1} x)", 8},
            {"", 0},
            {"{\"a\":\"\t\"}", 6},
            {R"({"a":"\x"})", 6},
            {"plain text", 0},
        };
        for (const Bad& c : cases) {
            CAPTURE(c.line);
            const auto miss = try_json(c.line);
            REQUIRE(miss);
            CHECK(miss->at == c.at);
            Parsed p("format: json", {c.line, R"({"a":1})"});
            CHECK(p.fields(0) == "");
            CHECK(p.batch().body(0) == c.line);
            CHECK(p.fields(1) == "a=1");
            CHECK(
                p.metrics().find(
                    "seyir_parse_misses_total{filter=\"under_test\",reason=\"bad_json\"} 1"
                ) != std::string::npos
            );
        }
    }

    TEST_CASE("strings without escapes are slices of the body, others are decoded") {
        const Parsed p(
            "format: json", {R"({"a":"plain text of some length","b":"with \n escape"})"}
        );
        const Slice body = p.batch().body(0);
        const auto inside = [&](const Value& value) {
            const char* at = value.as_text().data();
            return at >= body.data() && at < body.data() + body.size();
        };
        CHECK(inside(p.batch().attrs(0)[0].value));
        CHECK_FALSE(inside(p.batch().attrs(0)[1].value));
    }

    TEST_CASE("depth, number of values, attributes, names and values have limits") {
        std::string deep(64, '[');
        deep += std::string(64, ']');
        CHECK_FALSE(try_json(deep));
        CHECK(try_json("[" + deep + "]")->code == "too_deep");
        CHECK(try_json(std::string(100'000, '['))->code == "too_deep");
        std::string objects;
        for (int i = 0; i < 65; ++i) {
            objects += "{\"a\":";
        }
        CHECK(try_json(objects)->code == "too_deep");
        std::string wide = "[0";
        for (int i = 0; i < 70'000; ++i) {
            wide += ",0";
        }
        CHECK(try_json(wide + "]")->code == "too_many_values");

        std::string many = "{\"m\":0";
        for (int i = 0; i < 600; ++i) {
            many += fmt::format(",\"k{}\":{}", i, i);
        }
        Parsed p(
            "format: json\nlimits: { value_bytes: 8B }",
            {many + "}", "{\"" + std::string(129, 'n') + "\":1,\"\":2,\"v\":\"123456789\",\"k\":3}"}
        );
        CHECK(p.batch().attrs(0).size() == 512);
        CHECK(p.fields(1) == "k=3");
        const std::string text = p.metrics();
        for (const char* reason :
             {"too_many\"} 89", "name_too_long\"} 1", "name_empty\"} 1", "value_too_long\"} 1"}) {
            CAPTURE(reason);
            CHECK(text.find(std::string("reason=\"") + reason) != std::string::npos);
        }
    }

    TEST_CASE("millions of different names cost a counter, not memory") {
        std::vector<std::string> lines;
        for (int row = 0; row < 100; ++row) {
            std::string line = "{\"same\":1";
            for (int i = 0; i < 100; ++i) {
                line += fmt::format(",\"k{}\":1", row * 100 + i);
            }
            lines.push_back(line + "}");
        }
        Parsed p("format: json", lines);
        CHECK(p.batch().keys().size() == 4096);
        CHECK(p.fields(99) == "same=1");
        CHECK(p.metrics().find("reason=\"too_many_names\"} 5905") != std::string::npos);
    }

    TEST_CASE("bytes that are not UTF-8 are kept inside strings") {
        const Parsed p("format: json", {"{\"a\":\"\xe9t\xe9\"}"});
        CHECK(p.batch().attrs(0)[0].value.as_text() == "\xe9t\xe9");
    }

    TEST_CASE("JSONTestSuite: all of y_ is accepted, all of n_ refused, the rest is survived") {
        const auto folder = shared_path("corpora/jsontestsuite");
        if (!folder) {
            MESSAGE("skipped: no corpora beside the checkout");
            return;
        }
        size_t accepted = 0, refused = 0;
        for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
            const std::string name = entry.path().filename();
            const auto miss = try_json(read_file(entry.path()));
            CAPTURE(name);
            if (name.starts_with("y_")) {
                CHECK_FALSE(miss);
                ++accepted;
            } else if (name.starts_with("n_")) {
                CHECK(miss);
                ++refused;
            }
        }
        CHECK(accepted > 90);
        CHECK(refused > 180);
    }
}
