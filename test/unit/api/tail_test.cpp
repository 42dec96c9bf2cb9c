// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/api/loki_routes.hpp"
#include "collector/api/tail/tail_hub.hpp"
#include "common/json/reader.hpp"
#include "common/logql/parser.hpp"
#include "test/support/eventually.hpp"
#include "test/support/fake_exchange.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/rows.hpp"

using namespace seyir;
using namespace seyir::collector::api;

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNow = 1'000'000 * kSecond;
using Query = std::vector<std::pair<std::string, std::string>>;
using Exchange = std::shared_ptr<test::FakeExchange>;

struct World {
    io::ManualClock clock{UnixNanos{kNow}};
    store::MemoryLogStore store{clock};
    metrics::Registry registry;
    std::vector<net::HttpRoute> routes =
        loki_routes(store, {.limits = {}, .registry = &registry}, clock);

    Exchange tail(Query query, net::HttpHeaders headers = {}) {
        return test::get(routes, "/loki/api/v1/tail", std::move(query), std::move(headers));
    }

    void add(const std::string& app, int64_t ts, const std::string& line) {
        REQUIRE(test::store_rows(store, {{{{"app", app}}, ts, line, {{"k", "v"}}}}));
    }
};

std::vector<std::string> messages(const Exchange& exchange) {
    const std::lock_guard lock(exchange->mutex);
    return exchange->messages;
}

/// All lines of all messages, in their order.
std::string lines(const Exchange& exchange) {
    std::string out;
    for (const std::string& message : messages(exchange)) {
        json::Document document;
        const auto root = document.parse(message);
        REQUIRE_MESSAGE(root, message);
        for (const json::View stream : root->get("streams")->elements()) {
            for (const json::View value : stream.get("values")->elements()) {
                out += std::string(*value.elements().at(1).string()) + ";";
            }
        }
    }
    return out;
}

std::shared_ptr<const query::LogPlan> plan_of(const std::string& text) {
    const auto expr = logql::parse(text);
    REQUIRE(expr);
    auto plan = query::LogPlan::make(text, std::get<logql::LogExpr>(expr->node));
    REQUIRE(plan);
    return std::make_shared<const query::LogPlan>(*std::move(plan));
}

uint64_t dropped(const Exchange& exchange) {
    uint64_t entries = 0;
    for (const std::string& message : messages(exchange)) {
        json::Document document;
        entries += document.parse(message)->get("dropped_entries")->elements().size();
    }
    return entries;
}

}  // namespace

TEST_SUITE("collector/api/tail") {
    TEST_CASE("a tail begins with the newest rows and goes on with what is committed") {
        World world;
        world.add("a", kNow - 3 * kSecond, "one");
        world.add("a", kNow - 2 * kSecond, "two");
        world.add("b", kNow - 1 * kSecond, "other");
        const auto exchange = world.tail({{"query", "{app=\"a\"} != \"no\""}, {"limit", "1"}});
        CHECK(exchange->answer.status == 101);
        CHECK(test::eventually([&] { return lines(exchange) == "two;"; }));
        world.add("a", kNow, "three");
        world.add("b", kNow, "other");
        world.add("a", kNow, "no");
        world.add("a", kNow + 1, "four");
        CHECK(test::eventually([&] { return lines(exchange) == "two;three;four;"; }));
        CHECK(
            messages(exchange).front() ==
            R"({"streams":[{"stream":{"app":"a","k":"v"},"values":[["999998000000000","two"]]}],)"
            R"("dropped_entries":[]})"
        );
    }

    TEST_CASE("a client that knows categorized labels and base64 gets both") {
        World world;
        const auto exchange = world.tail(
            {{"query", "{app=\"a\"}"}, {"line_encoding", "base64"}},
            {{"X-Loki-Response-Encoding-Flags", "categorize-labels"}}
        );
        world.add("a", kNow, "x");
        CHECK(test::eventually([&] { return !messages(exchange).empty(); }));
        CHECK(
            messages(exchange).front() ==
            R"({"encodingFlags":["categorize-labels"],"lineEncoding":"base64","streams":[)"
            R"({"stream":{"app":"a"},"values":[["1000000000000000","eA==",)"
            R"({"structuredMetadata":{"k":"v"}}]]}],"dropped_entries":[]})"
        );
    }

    TEST_CASE("rows committed while the history is read come once, and equal rows all come") {
        World world;
        world.add("a", kNow, "same");
        world.add("a", kNow, "same");
        auto exchange = std::make_shared<test::FakeExchange>(net::HttpRequest{});
        const auto plan = plan_of("{app=\"a\"}");
        TailSession session(plan, {}, exchange);
        query::QueryContext context({}, world.clock);
        // Both rows are told by the commit and are in the history; a third is told alone.
        for (const BatchView& commit : world.store.commits()) {
            session.take(commit, world.clock.steady_now());
        }
        world.add("a", kNow, "same");
        session.take(world.store.commits().back(), world.clock.steady_now());
        auto history = query::run_log_query(
            world.store,
            *plan,
            {.range = {UnixNanos{kNow}, UnixNanos{kNow + 1}}, .limit = 2},
            context
        );
        REQUIRE(history);
        REQUIRE(session.begin(*history, world.clock.steady_now()));
        CHECK(session.flush(world.clock.steady_now()));
        CHECK(lines(exchange) == "same;same;same;");
        // Told later than the history was sent: still known.
        World late;
        auto second = std::make_shared<test::FakeExchange>(net::HttpRequest{});
        TailSession other(plan, {}, second);
        REQUIRE(other.begin(*history, late.clock.steady_now()));
        other.take(world.store.commits().front(), late.clock.steady_now());
        CHECK(other.flush(late.clock.steady_now()));
        CHECK(lines(second) == "same;same;");
    }

    TEST_CASE("delay_for holds rows back so that later ones with earlier times come first") {
        World world;
        auto exchange = std::make_shared<test::FakeExchange>(net::HttpRequest{});
        const auto plan = plan_of("{app=\"a\"}");
        TailSession session(plan, {.delay = std::chrono::seconds(2)}, exchange);
        const SteadyTime start = world.clock.steady_now();
        REQUIRE(session.begin({}, start));
        world.add("a", kNow + 5, "late");
        session.take(world.store.commits().back(), start);
        world.add("a", kNow + 4, "early");
        session.take(world.store.commits().back(), start + std::chrono::seconds(1));
        CHECK(session.flush(start + std::chrono::seconds(1)));
        CHECK(lines(exchange).empty());
        CHECK(session.flush(start + std::chrono::seconds(3)));
        CHECK(lines(exchange) == "early;late;");
    }

    TEST_CASE("a slow client loses rows, is told which, and memory stays bounded") {
        World world;
        const auto exchange = world.tail({{"query", "{app=\"a\"}"}, {"limit", "0"}});
        exchange->messages_max = 0;
        const std::string line(100'000, 'x');
        for (int i = 0; i < 100; ++i) {
            world.add("a", kNow + i, line + std::to_string(i));
        }
        const auto metric = [&] {
            return world.registry.counter("seyir_tail_dropped_rows_total", "").value();
        };
        CHECK(test::eventually([&] { return metric() > 40; }));
        const auto lost = static_cast<uint64_t>(metric());
        exchange->messages_max = SIZE_MAX;
        CHECK(test::eventually([&] { return dropped(exchange) >= lost; }));
        world.add("a", kNow + 1000, "after");
        CHECK(test::eventually([&] { return lines(exchange).ends_with("after;"); }));
        const auto all = messages(exchange);
        size_t rows = 0;
        for (const std::string& message : all) {
            CHECK(message.size() < TailSession::kMessageBytesMax + 300'000);
        }
        for (size_t at = 0; (at = lines(exchange).find(';', at)) != std::string::npos; ++at) {
            ++rows;
        }
        CHECK(rows + dropped(exchange) == 101);
        CHECK(all.back().find("dropped_entries\":[]") != std::string::npos);
    }

    TEST_CASE("what is no tail is refused before anything is opened") {
        World world;
        const auto message = [&](Query query) {
            const auto exchange = world.tail(std::move(query));
            CHECK(exchange->answer.status == 400);
            json::Document document;
            return std::string(
                document.parse(exchange->answer.body)->get("message")->string().value()
            );
        };
        CHECK(message({}) == "the parameter `query` is missing");
        CHECK(message({{"query", "rate({app=\"a\"}[1m])"}}).starts_with("tail follows lines"));
        CHECK(message({{"query", "{app=\"a\""}}).starts_with("parse error"));
        CHECK(
            message({{"query", "{app=\"a\"}"}, {"delay_for", "6"}}) ==
            "delay_for 6 is more than the 5 allowed"
        );
        CHECK(message({{"query", "{app=\"a\"}"}, {"limit", "x"}})
                  .starts_with("limit must be a positive value"));
        CHECK(world.registry.gauge("seyir_tail_sessions", "").value() == 0);
    }

    TEST_CASE("a client that has gone is forgotten, and the end of the server closes with 1000") {
        auto world = std::make_unique<World>();
        const auto gone = world->tail({{"query", "{app=\"a\"}"}});
        const auto stays = world->tail({{"query", "{app=\"a\"}"}});
        const auto open = [&] { return world->registry.gauge("seyir_tail_sessions", "").value(); };
        CHECK(open() == 2);
        gone->gone = true;
        CHECK(test::eventually([&] { return open() == 1; }));
        world->routes.clear();
        CHECK(stays->close_code == 1000);
        CHECK(gone->close_code == 0);
    }

    TEST_CASE("more tails than the limit are refused with 429") {
        World world;
        std::vector<Exchange> open;
        for (size_t i = 0; i < TailHub::kSessionsMax; ++i) {
            open.push_back(world.tail({{"query", "{app=\"a\"}"}, {"limit", "0"}}));
            REQUIRE(open.back()->answer.status == 101);
        }
        CHECK(world.tail({{"query", "{app=\"a\"}"}})->answer.status == 429);
        open.front()->gone = true;
        CHECK(test::eventually([&] {
            return world.tail({{"query", "{app=\"a\"}"}, {"limit", "0"}})->answer.status == 101;
        }));
    }
}
