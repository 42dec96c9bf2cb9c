// SPDX-License-Identifier: Apache-2.0
// What Grafana's Explore and Logs Drilldown ask beside queries: volume, levels, fields, formats.
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/api/fields/field_detector.hpp"
#include "collector/api/loki_routes.hpp"
#include "common/json/reader.hpp"
#include "test/support/fake_exchange.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/rows.hpp"

using namespace seyir;
using namespace seyir::collector::api;

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNow = 1'000'000 * kSecond;

struct World {
    io::ManualClock clock{UnixNanos{kNow}};
    store::MemoryLogStore store{clock};
    std::vector<net::HttpRoute> routes =
        loki_routes(store, {.retention = std::chrono::hours(24)}, clock);

    using Query = std::vector<std::pair<std::string, std::string>>;

    std::shared_ptr<test::FakeExchange> get(const std::string& call, Query query) {
        return test::get(routes, "/loki/api/v1/" + call, std::move(query));
    }

    std::string body(const std::string& call, Query query) {
        const auto exchange = get(call, std::move(query));
        json::Document document;
        CHECK_MESSAGE(document.parse(exchange->answer.body), exchange->answer.body);
        CHECK_MESSAGE(exchange->answer.status == 200, exchange->answer.body);
        return exchange->answer.body.substr(0, exchange->answer.body.find(",\"stats\""));
    }

    std::string error(const std::string& call, Query query) {
        const auto exchange = get(call, std::move(query));
        CHECK(exchange->answer.status == 400);
        json::Document document;
        return std::string(document.parse(exchange->answer.body)->get("message")->string().value());
    }
};

void fill(World& world) {
    REQUIRE(test::store_rows(
        world.store,
        {
            {{{"app", "a"}, {"env", "x"}, {"pod", "1"}}, kNow - 30 * kSecond, "level=info a"},
            {{{"app", "a"}, {"env", "x"}, {"pod", "1"}}, kNow - 20 * kSecond, "level=warn bb"},
            {{{"app", "a"}, {"env", "y"}, {"pod", "2"}}, kNow - 20 * kSecond, "[error] ccc"},
            {{{"app", "b"}, {"id", "77"}, {"pod", "3"}}, kNow - 10 * kSecond, "nothing", {}, 9},
        }
    ));
}

}  // namespace

TEST_SUITE("collector/api/drilldown") {
    TEST_CASE("volume gives bytes of series, the biggest first") {
        World world;
        fill(world);
        CHECK(
            world.body("index/volume", {{"query", "{}"}, {"targetLabels", "app"}}) ==
            R"({"status":"success","data":{"resultType":"vector","result":[)"
            R"({"metric":{"app":"a"},"value":[1000000,"36"]},)"
            R"({"metric":{"app":"b"},"value":[1000000,"7"]}])"
        );
        CHECK(
            world.body("index/volume", {{"query", "{app=\"a\"}"}, {"targetLabels", "app,env"}}) ==
            R"({"status":"success","data":{"resultType":"vector","result":[)"
            R"({"metric":{"app":"a","env":"x"},"value":[1000000,"25"]},)"
            R"({"metric":{"app":"a","env":"y"},"value":[1000000,"11"]}])"
        );
        // Without targets: the labels that the selector names.
        CHECK(
            world.body("index/volume", {{"query", "{env=~\".+\"}"}}) ==
            R"({"status":"success","data":{"resultType":"vector","result":[)"
            R"({"metric":{"env":"x"},"value":[1000000,"25"]},)"
            R"({"metric":{"env":"y"},"value":[1000000,"11"]}])"
        );
        CHECK(
            world.body("index/volume", {{"query", "{env=~\".+\"}"}, {"limit", "1"}}) ==
            R"({"status":"success","data":{"resultType":"vector","result":[)"
            R"({"metric":{"env":"x"},"value":[1000000,"25"]}])"
        );
        CHECK(
            world.body(
                "index/volume",
                {{"query", "{app=~\".+\"}"}, {"targetLabels", "app"}, {"aggregateBy", "labels"}}
            ) == R"({"status":"success","data":{"resultType":"vector","result":[)"
                 R"({"metric":{"app":""},"value":[1000000,"43"]}])"
        );
    }

    TEST_CASE("volume_range gives bytes of each step from its beginning on") {
        World world;
        fill(world);
        CHECK(
            world.body(
                "index/volume_range",
                {{"query", "{app=~\".+\"}"}, {"start", "999970"}, {"end", "1000000"}, {"step", "10"}
                }
            ) == R"({"status":"success","data":{"resultType":"matrix","result":[)"
                 R"({"metric":{"app":"a"},"values":[[999970,"12"],[999980,"24"]]},)"
                 R"({"metric":{"app":"b"},"values":[[999990,"7"]]}])"
        );
        CHECK(
            world.body(
                "index/volume_range",
                {{"query", "{app=\"a\"}"}, {"start", "999965"}, {"end", "999989"}, {"step", "10s"}}
            ) == R"({"status":"success","data":{"resultType":"matrix","result":[)"
                 R"({"metric":{"app":"a"},"values":[[999965,"12"],[999975,"24"]]}])"
        );
    }

    TEST_CASE("volume_range over times further apart than int64 can tell is answered") {
        World world;
        fill(world);
        // Three, as many as may run at once: none of them keeps its place.
        for (int i = 0; i < 3; ++i) {
            CHECK(
                world.body(
                    "index/volume_range",
                    {{"query", "{app=\"a\"}"},
                     {"start", "-5000000000000000000"},
                     {"end", "5000000000000000000"},
                     {"step", "1000000s"}}
                ) == R"({"status":"success","data":{"resultType":"matrix","result":[)"
                     R"({"metric":{"app":"a"},"values":[[0,"36"]]}])"
            );
        }
        CHECK(
            world.body(
                "index/volume_range",
                {{"query", "{app=\"b\"}"},
                 {"start", "-9223372036854775808"},
                 {"end", "9223372036854775807"},
                 {"step", "9000000000s"}}
            ) == R"({"status":"success","data":{"resultType":"matrix","result":[)"
                 R"({"metric":{"app":"b"},"values":[[-223372036.854,"7"]]}])"
        );
    }

    TEST_CASE("volume_range gives a grid to the series asked for only, within the limits") {
        World world;
        std::vector<test::PlainRow> rows;
        for (int i = 0; i < 20; ++i) {
            rows.push_back(
                {{{"app", fmt::format("a{:02}", i)}},
                 kNow - 10 * kSecond,
                 std::string(static_cast<size_t>(i + 1), 'x')}
            );
        }
        REQUIRE(test::store_rows(world.store, std::move(rows)));
        ApiOptions options;
        options.limits.samples_max = 100;
        const auto ask = [&](std::string limit) {
            world.routes = loki_routes(world.store, options, world.clock);
            return world.get(
                "index/volume_range",
                {{"query", "{app=~\".+\"}"},
                 {"start", "999970"},
                 {"end", "1000000"},
                 {"step", "1"},
                 {"limit", std::move(limit)}}
            );
        };
        const auto three = ask("3");
        CHECK(three->answer.status == 200);
        for (const char* app : {"a19", "a18", "a17"}) {
            CHECK(three->answer.body.find(app) != std::string::npos);
        }
        CHECK(three->answer.body.find("a16") == std::string::npos);
        CHECK(ask("4")->answer.status == 400);
        CHECK(ask("4")->answer.body.find("maximum of samples (100)") != std::string::npos);
        options.limits.series_max = 19;
        CHECK(ask("3")->answer.status == 400);
        CHECK(ask("3")->answer.body.find("maximum of series (19)") != std::string::npos);
    }

    TEST_CASE("volume says what it takes") {
        World world;
        CHECK(
            world.error("index/volume", {{"query", "{}"}, {"aggregateBy", "rows"}}) ==
            "aggregateBy knows only `series` (the default) and `labels`"
        );
        CHECK(
            world.error("index/volume", {{"query", "{}"}, {"limit", "10001"}}) ==
            "limit 10001 is more than the 10000 allowed"
        );
        CHECK(
            world.error("index/volume", {{"query", "{}"}, {"limit", "-1"}}) ==
            "limit must be a positive value, not \"-1\""
        );
        CHECK(world.error("index/volume", {}) == "the parameter `query` is missing");
        CHECK(world.error("index/volume", {{"query", "{app=}"}}).starts_with("parse error"));
    }

    TEST_CASE("every row has a detected_level, which the level histogram counts") {
        World world;
        fill(world);
        CHECK(
            world.body(
                "query_range",
                {{"query",
                  "sum by (level, detected_level) (count_over_time({app=~\".+\"} | drop __error__ "
                  "[10s]))"},
                 {"start", "999970"},
                 {"end", "1000000"},
                 {"step", "10s"}}
            ) == R"({"status":"success","data":{"resultType":"matrix","result":[)"
                 R"({"metric":{"detected_level":"error"},"values":[[999980,"1"]]},)"
                 R"({"metric":{"detected_level":"info"},"values":[[999970,"1"],[999990,"1"]]},)"
                 R"({"metric":{"detected_level":"warn"},"values":[[999980,"1"]]}])"
        );
        CHECK(
            world.body("query_range", {{"query", "{app=\"a\"} | detected_level=\"error\""}}) ==
            R"({"status":"success","data":{"resultType":"streams","result":[)"
            R"({"stream":{"app":"a","detected_level":"error","env":"y","pod":"2"},)"
            R"("values":[["999980000000000","[error] ccc"]]}])"
        );
        CHECK(
            world.body("query_range", {{"query", "{app=\"a\"} |= \"a\" != \"warn\""}}) ==
            R"({"status":"success","data":{"resultType":"streams","result":[)"
            R"({"stream":{"app":"a","detected_level":"info","env":"x","pod":"1"},)"
            R"("values":[["999970000000000","level=info a"]]}])"
        );
    }

    TEST_CASE(
        "a level that nothing says is unknown, and rows of one stream have levels of their own"
    ) {
        World world;
        REQUIRE(test::store_rows(
            world.store,
            {
                {{{"app", "a"}}, kNow - 3, "plain"},
                {{{"app", "a"}}, kNow - 2, "ERROR x"},
                {{{"app", "a"}}, kNow - 1, "own", {{"detected_level", "custom"}}},
            }
        ));
        CHECK(
            world.body(
                "query", {{"query", "sum by (detected_level) (count_over_time({app=\"a\"}[1m]))"}}
            ) == R"({"status":"success","data":{"resultType":"vector","result":[)"
                 R"({"metric":{"detected_level":"custom"},"value":[1000000,"1"]},)"
                 R"({"metric":{"detected_level":"error"},"value":[1000000,"1"]},)"
                 R"({"metric":{"detected_level":"unknown"},"value":[1000000,"1"]}])"
        );
    }

    TEST_CASE("detected_labels leaves out labels that are only ids") {
        World world;
        fill(world);
        CHECK(
            world.body("detected_labels", {}) ==
            R"({"detectedLabels":[{"label":"app","cardinality":2},{"label":"env","cardinality":2},)"
            "{\"label\":\"pod\",\"cardinality\":3}]}\n"
        );
        CHECK(
            world.body("detected_labels", {{"query", "{app=\"none\"}"}}) ==
            "{\"detectedLabels\":[]}\n"
        );
    }

    TEST_CASE("detected_fields tells type, cardinality, parser and path") {
        World world;
        REQUIRE(test::store_rows(
            world.store,
            {
                {{{"app", "a"}},
                 kNow - 4,
                 R"({"level":"info","took":"15ms","size":"3KB","n":5,"ok":true,"u":{"id":"x y"},"app":"z"})"
                },
                {{{"app", "a"}}, kNow - 3, R"({"n":5.5,"u":{"id":"x z"},"list":[1],"none":null})"},
                {{{"app", "a"}}, kNow - 2, "took=1s msg=\"a b\" __x=1", {{"trace", "t1"}}, 17},
                {{{"app", "a"}}, kNow - 1, "no fields here"},
            }
        ));
        CHECK(
            world.body("detected_fields", {{"query", "{app=\"a\"}"}}) ==
            R"({"fields":[)"
            R"({"label":"app_extracted","type":"string","cardinality":1,"parsers":["json"],"jsonPath":["app"]},)"
            R"({"label":"detected_level","type":"string","cardinality":3,"parsers":null},)"
            R"({"label":"level","type":"string","cardinality":1,"parsers":["json"],"jsonPath":["level"]},)"
            R"({"label":"msg","type":"string","cardinality":1,"parsers":["logfmt"]},)"
            R"({"label":"n","type":"float","cardinality":2,"parsers":["json"],"jsonPath":["n"]},)"
            R"({"label":"ok","type":"boolean","cardinality":1,"parsers":["json"],"jsonPath":["ok"]},)"
            R"({"label":"size","type":"bytes","cardinality":1,"parsers":["json"],"jsonPath":["size"]},)"
            R"({"label":"took","type":"duration","cardinality":2,"parsers":["json","logfmt"],"jsonPath":["took"]},)"
            R"({"label":"trace","type":"string","cardinality":1,"parsers":null},)"
            R"({"label":"u_id","type":"string","cardinality":2,"parsers":["json"],"jsonPath":["u","id"]}],)"
            "\"limit\":1000}\n"
        );
        CHECK(
            world.body("detected_field/u_id/values", {{"query", "{app=\"a\"}"}}) ==
            "{\"values\":[\"x y\",\"x z\"],\"limit\":1000}\n"
        );
        // The newest lines are looked at first.
        CHECK(
            world.body(
                "detected_fields", {{"query", "{app=\"a\"}"}, {"line_limit", "2"}, {"limit", "2"}}
            ) ==
            R"({"fields":[{"label":"detected_level","type":"string","cardinality":2,"parsers":null},)"
            R"({"label":"msg","type":"string","cardinality":1,"parsers":["logfmt"]}],)"
            "\"limit\":2}\n"
        );
        CHECK(
            world.body(
                "detected_fields",
                {{"query", "{app=\"a\"} | json | __error__=\"\" | n > 5"}, {"limit", "2"}}
            ) ==
            R"({"fields":[{"label":"detected_level","type":"string","cardinality":1,"parsers":null},)"
            R"({"label":"n","type":"float","cardinality":1,"parsers":["json"],"jsonPath":["n"]}],)"
            "\"limit\":2}\n"
        );
        CHECK(world.error("detected_fields", {{"query", "vector(1)"}})
                  .starts_with("only log queries have fields"));
        CHECK(
            world.error("detected_fields", {{"query", "{app=\"a\"}"}, {"line_limit", "10001"}}) ==
            "line_limit 10001 is more than the 10000 allowed"
        );
    }

    TEST_CASE("types of values") {
        const std::pair<const char*, const char*> cases[] = {
            {"1", "int"},
            {"-5", "int"},
            {"1.5", "float"},
            {"1e3", "float"},
            {"true", "boolean"},
            {"15ms", "duration"},
            {"3KB", "bytes"},
            {"1.5GiB", "bytes"},
            {"x", "string"},
            {"1.2.3.4", "string"},
            {"2026-01-01", "string"},
            {"99999999999999999999", "float"},
        };
        for (const auto& [text, type] : cases) {
            CHECK_MESSAGE(to_text(type_of(text)) == std::string_view(type), text);
        }
    }

    TEST_CASE("format_query writes a query one way and leaves its meaning") {
        World world;
        const auto formatted = [&](const std::string& query) {
            const std::string body = world.body("format_query", {{"query", query}});
            json::Document document;
            return std::string(document.parse(body)->get("data")->string().value());
        };
        CHECK(
            formatted("sum   by(app)(rate({app = \"a\",env!=\"x\"}|=\"x\"|json|status>=500[5m]))"
            ) == "sum by (app) (rate({app=\"a\", env!=\"x\"} |= \"x\" | json | status>=500 [5m]))"
        );
        CHECK(formatted("1+-1 # note") == "1 + -1");
        CHECK(
            formatted("rate({a=\"b\"}[5m]offset 1h)/on(a)rate({a=\"c\"}[5m])") ==
            "rate({a=\"b\"}[5m] offset 1h) / on (a) rate({a=\"c\"}[5m])"
        );
        const std::string stages = "{app=\"a\"} |= \"" + std::string(60, 'x') +
                                   "\" | logfmt | line_format \"{{.a}} {{.b}}\" | level=\"error\"";
        const std::string broken = formatted(stages);
        CHECK(broken.starts_with("{app=\"a\"}\n  |= \"xxx"));
        CHECK(formatted(broken) == broken);
        CHECK(world.error("format_query", {{"query", "{app=\"a\"} |= 5"}})
                  .starts_with("parse error at line 1, col 14"));
    }

    TEST_CASE("drilldown-limits says what there is") {
        World world;
        const std::string body = world.body("drilldown-limits", {});
        json::Document document;
        const auto root = document.parse(body);
        REQUIRE(root);
        const auto limits = root->get("limits");
        CHECK(limits->get("volume_enabled")->boolean() == true);
        CHECK(limits->get("discover_log_levels")->boolean() == true);
        CHECK(limits->get("retention_period")->string() == "86400s");
        CHECK(root->get("pattern_ingester_enabled")->boolean() == false);
        CHECK(root->get("version")->string()->starts_with("3."));
    }

    TEST_CASE("config gives the limits in force as Loki's file names them") {
        World world;
        const auto exchange = test::get(world.routes, "/config", {});
        CHECK(exchange->answer.status == 200);
        CHECK(exchange->answer.body.contains("limits_config:\n"));
        CHECK(exchange->answer.body.contains("  retention_period: 86400s\n"));
        CHECK(exchange->answer.body.contains("pattern_ingester:\n  enabled: false\n"));
    }
}
