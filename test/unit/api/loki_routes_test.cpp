// SPDX-License-Identifier: Apache-2.0
#include "collector/api/loki_routes.hpp"

#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/api/request_params.hpp"
#include "common/json/reader.hpp"
#include "test/support/fake_exchange.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/replay_corpus.hpp"
#include "test/support/rows.hpp"

using namespace seyir;
using namespace seyir::collector::api;

namespace {

constexpr int64_t kSecond = 1'000'000'000;

struct World {
    io::ManualClock clock{UnixNanos{1'000'000 * kSecond}};
    store::MemoryLogStore store{clock};
    // Levels of lines have tests of their own: drilldown_test.cpp.
    std::vector<net::HttpRoute> routes = loki_routes(store, {.limits = {}}, clock);

    using Query = std::vector<std::pair<std::string, std::string>>;

    std::shared_ptr<test::FakeExchange> get(
        const std::string& call, Query query, net::HttpHeaders headers = {}
    ) {
        return test::get(routes, "/loki/api/v1/" + call, std::move(query), std::move(headers));
    }

    /// The answer up to its statistics, which hold times.
    std::string result(const std::string& call, Query query, net::HttpHeaders headers = {}) {
        const auto exchange = get(call, std::move(query), std::move(headers));
        json::Document document;
        CHECK_MESSAGE(document.parse(exchange->answer.body), exchange->answer.body);
        return exchange->answer.body.substr(0, exchange->answer.body.find(",\"stats\""));
    }
};

int64_t now_ns() {
    return 1'000'000 * kSecond;
}

void fill(World& world) {
    REQUIRE(test::store_rows(
        world.store,
        {
            {{{"app", "a"}, {"env", "x"}}, now_ns() - 30 * kSecond, "first", {{"filename", "/f"}}},
            {{{"app", "a"}, {"env", "x"}},
             now_ns() - 20 * kSecond,
             "sec\"ond\xff",
             {{"filename", "/f"}}},
            {{{"app", "b"}}, now_ns() - 10 * kSecond, "third"},
        }
    ));
}

}  // namespace

TEST_SUITE("collector/api/loki_routes") {
    TEST_CASE("the health check of Grafana is answered as it wants") {
        World world;
        CHECK(
            world.result("query", {{"query", "vector(1)+vector(1)"}, {"time", "4000000000"}}) ==
            R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[4000000000,"2"]}])"
        );
        CHECK(
            world.result("query", {{"query", "1+1"}, {"time", "1.5"}}) ==
            R"({"status":"success","data":{"resultType":"scalar","result":[1.5,"2"])"
        );
    }

    TEST_CASE("queries that read no records are answered while all places are taken") {
        World world;
        ApiOptions options;
        options.admission.running_max = 0;
        world.routes = loki_routes(world.store, options, world.clock);
        const auto ask = [&](const std::string& call, const std::string& query) {
            return test::get(world.routes, "/loki/api/v1/" + call, {{"query", query}});
        };
        CHECK(ask("query", "vector(1)+vector(1)")->answer.status == 200);
        CHECK(ask("query_range", "1 + 1")->answer.status == 200);
        CHECK(ask("query", "sum(vector(1) or")->answer.status == 400);
        CHECK(ask("query", "sum(count_over_time({a=\"b\"}[1m]))")->answers == 0);
        CHECK(ask("query", "vector(1) + count_over_time({a=\"b\"}[1m])")->answers == 0);
        CHECK(ask("query_range", "{a=\"b\"}")->answers == 0);
    }

    TEST_CASE("log queries fold metadata into the stream, newest first") {
        World world;
        fill(world);
        CHECK(
            world.result("query_range", {{"query", "{app=\"a\"}"}}) ==
            R"({"status":"success","data":{"resultType":"streams","result":[)"
            R"({"stream":{"app":"a","env":"x","filename":"/f"},"values":[)"
            "[\"999980000000000\",\"sec\\\"ond\uFFFD\"],[\"999970000000000\",\"first\"]]}]"
        );
    }

    TEST_CASE("with categorize-labels values are 3-tuples") {
        World world;
        fill(world);
        CHECK(
            world.result(
                "query_range",
                {{"query", "{app=~\"a|b\"}"}, {"direction", "FORWARD"}},
                {{"X-Loki-Response-Encoding-Flags", "categorize-labels"}}
            ) ==
            R"({"status":"success","data":{"resultType":"streams","encodingFlags":["categorize-labels"],"result":[)"
            R"({"stream":{"app":"a","env":"x"},"values":[)"
            R"(["999970000000000","first",{"structuredMetadata":{"filename":"/f"}}],)"
            "[\"999980000000000\",\"sec\\\"ond\uFFFD\",{\"structuredMetadata\":{\"filename\":\"/"
            "f\"}}]]},"
            R"({"stream":{"app":"b"},"values":[["999990000000000","third",{}]]}])"
        );
    }

    TEST_CASE("base64 lines carry the exact bytes") {
        World world;
        fill(world);
        const auto body = world.result(
            "query_range", {{"query", "{app=\"a\"} |= \"ond\""}, {"line_encoding", "base64"}}
        );
        CHECK(body.find("\"lineEncoding\":\"base64\"") != std::string::npos);
        CHECK(body.find("\"c2VjIm9uZP8=\"") != std::string::npos);
    }

    TEST_CASE("start is included, end is not, since and limit hold") {
        World world;
        fill(world);
        const auto lines = [&](World::Query query) {
            query.emplace_back("query", "{app=~\".+\"}");
            const std::string body = world.result("query_range", std::move(query));
            std::string found;
            for (const char* line : {"first", "sec", "third"}) {
                found += body.find(line) != std::string::npos ? line[0] : '-';
            }
            return found;
        };
        CHECK(lines({{"start", "999970000000000"}, {"end", "999990000000000"}}) == "fs-");
        CHECK(lines({{"start", "999970.0"}, {"end", "999990.5"}}) == "fst");
        CHECK(lines({{"since", "25s"}}) == "-st");
        CHECK(lines({{"limit", "1"}}) == "--t");
        CHECK(lines({{"limit", "1"}, {"direction", "forward"}}) == "f--");
        CHECK(lines({{"start", "1970-01-12T13:46:20Z"}}) == "-st");
    }

    TEST_CASE("metrics come as a matrix at start + k * step") {
        World world;
        fill(world);
        CHECK(
            world.result(
                "query_range",
                {{"query", "sum by (app) (count_over_time({app=~\".+\"}[20s]))"},
                 {"start", "999960000000000"},
                 {"end", "1000000000000000"},
                 {"step", "10000ms"}}
            ) == R"({"status":"success","data":{"resultType":"matrix","result":[)"
                 R"({"metric":{"app":"a"},"values":[[999970,"1"],[999980,"2"],[999990,"1"]]},)"
                 R"({"metric":{"app":"b"},"values":[[999990,"1"],[1000000,"1"]]}])"
        );
    }

    TEST_CASE("errors are 400 with the place and what to do") {
        World world;
        const auto message = [&](const std::string& call, World::Query query) {
            const auto exchange = world.get(call, std::move(query));
            CHECK(exchange->answer.status == 400);
            json::Document document;
            return std::string(
                document.parse(exchange->answer.body)->get("message")->string().value()
            );
        };
        CHECK(message("query_range", {{"query", "{app=\"a\"} |= 5"}})
                  .starts_with("parse error at line 1, col 14: "));
        CHECK(message("query", {{"query", "{app=\"a\"}"}})
                  .starts_with("log queries are not supported as an instant query type"));
        CHECK(
            message("query_range", {{"query", "{app=\"a\"}"}, {"limit", "0"}}) ==
            "limit must be a positive value, not \"0\""
        );
        CHECK(message("query_range", {{"query", "{app=\"a\"}"}, {"limit", "1000001"}})
                  .starts_with("max entries limit per query exceeded"));
        CHECK(message("query_range", {{"query", "{app=\"a\"}"}, {"start", "5"}, {"end", "4"}})
                  .starts_with("end timestamp must not be before start time"));
        CHECK(message("query_range", {{"query", "{app=\"a\"}"}, {"start", "yesterday"}})
                  .starts_with("\"yesterday\" is not a time"));
        CHECK(message("query_range", {}) == "the parameter `query` is missing");
        CHECK(message("query_range", {{"query", "vector(1)"}, {"step", "1ms"}})
                  .starts_with("exceeded maximum resolution of 11000 points"));
    }

    TEST_CASE("labels, values and series answer from streams") {
        World world;
        fill(world);
        CHECK(
            world.result("labels", {}) == "{\"status\":\"success\",\"data\":[\"app\",\"env\"]}\n"
        );
        CHECK(
            world.result("label/app/values", {}) ==
            "{\"status\":\"success\",\"data\":[\"a\",\"b\"]}\n"
        );
        CHECK(
            world.result("label/app/values", {{"query", "{env=\"x\"}"}}) ==
            "{\"status\":\"success\",\"data\":[\"a\"]}\n"
        );
        CHECK(
            world.result("series", {{"match[]", "{app=\"b\"}"}, {"match[]", "{env=\"x\"}"}}) ==
            "{\"status\":\"success\",\"data\":[{\"app\":\"a\",\"env\":\"x\"},{\"app\":\"b\"}]}\n"
        );
        CHECK(
            world.result("series", {{"match[]", "{app=\"b\"}"}, {"start", "1"}, {"end", "2"}}) ==
            "{\"status\":\"success\",\"data\":[]}\n"
        );
        CHECK(
            world.result("index/stats", {{"query", "{app=~\".+\"}"}}) ==
            "{\"streams\":2,\"chunks\":1,\"bytes\":18,\"entries\":3}\n"
        );
    }

    TEST_CASE("a big answer is streamed in bounded pieces and stops when the client goes") {
        World world;
        std::vector<test::PlainRow> rows;
        for (int64_t i = 0; i < 3'000; ++i) {
            rows.push_back({{{"app", "big"}}, now_ns() - i, std::string(1'000, 'x')});
        }
        REQUIRE(test::store_rows(world.store, rows));
        const auto exchange = world.get(
            "query_range",
            {{"query", "{app=\"big\"}"}, {"limit", "5000"}, {"end", "1000000000000001"}}
        );
        CHECK(exchange->streamed);
        CHECK(exchange->ended);
        CHECK(exchange->largest_piece < 300'000);
        json::Document document;
        const auto root = document.parse(exchange->answer.body);
        REQUIRE(root);
        const auto stream = root->get("data")->get("result")->elements().at(0);
        CHECK(stream.get("values")->elements().size() == 3'000);
    }

    TEST_CASE("explain tells what is read and what prunes") {
        World world;
        const auto exchange = world.get(
            "query_range", {{"query", "{app=\"a\"} |= \"needle\" | json"}, {"explain", "true"}}
        );
        json::Document document;
        const auto stats = document.parse(exchange->answer.body)->get("data")->get("stats");
        const std::string text(stats->get("explain")->string().value());
        CHECK(text.find("streams: {app=\"a\"}") != std::string::npos);
        CHECK(text.find("prune:   blocks without \"needle\"") != std::string::npos);
        CHECK(text.find("stage:   | json") != std::string::npos);
        CHECK(text.find("blocks:  ") != std::string::npos);
        CHECK(text.find(" pruned by stream + 0 by filter + ") != std::string::npos);
        CHECK(stats->get("store")->get("blocksPrunedByFilter").has_value());
    }

    TEST_CASE("whatever parameters are accepted keep to the limits") {
        const std::string corpus = std::string(SEYIR_SOURCE_ROOT) + "/test/fuzz/corpus/api_params";
        CHECK(test::replay_corpus(corpus) >= 6);
    }

    TEST_CASE("times are read in every form Grafana sends") {
        CHECK(parse_time("1700000000")->value == 1'700'000'000 * kSecond);
        CHECK(parse_time("1700000000123456789")->value == 1'700'000'000'123'456'789);
        CHECK(parse_time("1700000000.25")->value == 1'700'000'000'250'000'000);
        CHECK(parse_time("2023-11-14T22:13:20Z")->value == 1'700'000'000 * kSecond);
        CHECK(parse_time("2023-11-14T23:13:20.5+01:00")->value == 1'700'000'000'500'000'000);
        for (const char* bad :
             {"", "x", "2023-13-01T00:00:00Z", "2023-11-14T22:13:20", "1e400", "nan"}) {
            CHECK_MESSAGE(!parse_time(bad), bad);
        }
    }
}
