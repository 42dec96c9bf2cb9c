// SPDX-License-Identifier: Apache-2.0
#include <random>
#include <thread>

#include <doctest/doctest.h>

#include "common/ship/make_setup.hpp"
#include "test/support/cutting_proxy.hpp"
#include "test/support/temp_dir.hpp"
#include "test/unit/net/certificates.hpp"
#include "test/unit/ship/loopback.hpp"

using namespace seyir;
using namespace seyir::test;
using ship::CollectorOutput;

TEST_SUITE("common/ship") {
    TEST_CASE("every line of several files is stored once and in order") {
        TempDir dir;
        HoldingStore store;
        TestCollector collector(store, with_token());
        Shipping ship(ship_setup(dir.path(), collector.port()));
        std::vector<std::thread> threads;
        std::vector<std::unique_ptr<FileSource>> files;
        std::atomic<int> complete{0};
        for (uint64_t i = 0; i < 3; ++i) {
            files.push_back(std::make_unique<FileSource>(
                ship.output, source(i), make_lines("f" + std::to_string(i), 2000, i)
            ));
            threads.emplace_back([&complete, i, file = files.back().get()] {
                complete += file->run(i) ? 1 : 0;
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        CHECK(complete == 3);
        auto stored = stored_lines(store.inner);
        for (uint64_t i = 0; i < 3; ++i) {
            CHECK(stored["f" + std::to_string(i)] == files[i]->lines());
        }
        CHECK(ship.output.health().ok);
        const auto status = collector.status();
        REQUIRE(status.agents.size() == 1);
        CHECK(status.agents[0].connected);
        CHECK(status.agents[0].hostname == "web1");
        CHECK(status.agents[0].rows == 6000);
        CHECK(to_json(status).find(R"("hostname":"web1")") != std::string::npos);
    }

    TEST_CASE("connections cut at any byte lose no line and store none twice") {
        for (uint64_t seed = 1; seed <= 3; ++seed) {
            CAPTURE(seed);
            TempDir dir;
            HoldingStore store;
            TestCollector collector(store, with_token());
            std::mt19937_64 random(seed);
            CuttingProxy proxy(collector.port(), [&] { return 1 + random() % 30'000; });
            Shipping ship(ship_setup(dir.path(), proxy.port()));
            FileSource file(ship.output, source(1), make_lines("f", 6000, seed));
            CHECK(file.run(seed));
            CHECK(stored_lines(store.inner)["f"] == file.lines());
            CHECK(proxy.cuts() >= 5);
            MESSAGE("cuts: " << proxy.cuts() << ", rewinds: " << file.rewinds());
        }
    }

    TEST_CASE(
        "frames whose answers are withheld are sent again after a cut and found to be duplicates"
    ) {
        TempDir dir;
        HoldingStore store;
        TestCollector collector(store, with_token());
        CuttingProxy proxy(collector.port(), [] { return 0; });
        Shipping ship(ship_setup(dir.path(), proxy.port()));
        FileSource file(ship.output, source(1), make_lines("f", 3000, 5));
        store.hold(true);
        std::atomic<bool> complete{false};
        std::thread thread([&] { complete = file.run(5); });
        size_t before = 0;
        for (int turn = 0; turn < 5; ++turn) {
            CHECK(eventually([&] { return store.held() > before; }));
            before = store.held();  // the next connection adds all of them again
            proxy.cut();
        }
        CHECK(file.retries() == 0);
        store.hold(false);
        thread.join();
        CHECK(complete);
        CHECK(stored_lines(store.inner)["f"] == file.lines());
        const std::string metrics = collector.metrics();
        CHECK(metrics.find("duplicate_rows_total{input=\"agents\"} 0\n") == std::string::npos);
    }

    TEST_CASE("a collector that comes back on the same store goes on where it was") {
        TempDir dir;
        HoldingStore store;
        auto first = std::make_unique<TestCollector>(store, with_token());
        CuttingProxy proxy(first->port(), [] { return 0; });
        Shipping ship(ship_setup(dir.path(), proxy.port()));
        FileSource file(ship.output, source(1), make_lines("f", 20'000, 6));
        std::atomic<bool> complete{false};
        std::thread thread([&] { complete = file.run(6); });
        CHECK(eventually([&] { return store.stats().records > 1000 || complete.load(); }));
        first.reset();
        TestCollector second(store, with_token());
        proxy.set_upstream(second.port());
        thread.join();
        CHECK(complete);
        CHECK(stored_lines(store.inner)["f"] == file.lines());
    }

    TEST_CASE("a store that cannot store now gets everything later, in order") {
        TempDir dir;
        HoldingStore store;
        TestCollector collector(store, with_token());
        Shipping ship(ship_setup(dir.path(), collector.port()));
        FileSource file(ship.output, source(1), make_lines("f", 3000, 8));
        std::atomic<bool> complete{false};
        store.inner.fail_appends(fail(ErrorCode::kNoSpace, "the disk is full"));
        std::thread thread([&] { complete = file.run(8); });
        CHECK(eventually([&] {
            return ship.output.health().message.find("the disk is full") != std::string::npos;
        }));
        store.inner.fail_appends(std::nullopt);
        thread.join();
        CHECK(complete);
        CHECK(file.rewinds() == 0);
        CHECK(file.retries() == 0);
        CHECK(stored_lines(store.inner)["f"] == file.lines());
        CHECK(ship.output.health().ok);
    }

    TEST_CASE("a store that lost its tail makes the source go back to what it has") {
        TempDir dir;
        HoldingStore old_store;
        HoldingStore empty_store;
        empty_store.inner.set_restore_generation(1);
        auto first = std::make_unique<TestCollector>(old_store, with_token());
        CuttingProxy proxy(first->port(), [] { return 0; });
        Shipping ship(ship_setup(dir.path(), proxy.port()));
        FileSource file(ship.output, source(1), make_lines("f", 20'000, 9));
        std::atomic<bool> complete{false};
        std::thread thread([&] { complete = file.run(9); });
        CHECK(eventually([&] { return old_store.stats().records > 500 || complete.load(); }));
        first.reset();
        TestCollector second(empty_store, with_token());
        proxy.set_upstream(second.port());
        thread.join();
        CHECK(complete);
        CHECK(file.rewinds() > 0);
        CHECK(stored_lines(empty_store.inner)["f"] == file.lines());
    }

    TEST_CASE("a store that is another one, was restored or went back in time is told, no other") {
        TempDir dir;
        HoldingStore store;
        HoldingStore other_store;
        auto collector = std::make_unique<TestCollector>(store, with_token());
        CuttingProxy proxy(collector->port(), [] { return 0; });
        Shipping ship(ship_setup(dir.path(), proxy.port()));
        std::atomic<int> told = 0;
        std::atomic<int> told_too = 0;
        ship.output.on_store_changed([&] { ++told; });
        ship.output.on_store_changed([&] { ++told_too; });
        const auto reconnect = [&](HoldingStore& to) {
            collector.reset();
            collector = std::make_unique<TestCollector>(to, with_token());
            proxy.set_upstream(collector->port());
            return eventually([&] {
                const auto status = collector->status();
                return !status.agents.empty() && status.agents[0].connected &&
                       ship.output.health().ok;
            });
        };
        CHECK(eventually([&] { return ship.output.health().ok; }));
        CHECK(reconnect(store));
        CHECK(reconnect(store));
        CHECK(told == 0);
        store.epochs_lost = 1;  // the snapshot was taken one connection ago
        CHECK(reconnect(store));
        CHECK(eventually([&] { return told == 1; }));
        CHECK(reconnect(store));
        CHECK(told == 1);
        store.inner.set_restore_generation(1);
        CHECK(reconnect(store));
        CHECK(eventually([&] { return told == 2; }));
        CHECK(reconnect(other_store));
        CHECK(eventually([&] { return told == 3; }));
        CHECK(eventually([&] { return told_too == 3; }));
        const AgentId before = ship.output.agent_id();
        ship.output.fork("for the test");  // the epochs of a new id begin anew: nothing is lost
        CHECK(eventually([&] { return ship.output.agent_id() != before; }));
        CHECK(eventually([&] { return !collector->status().events.empty(); }));
        CHECK(told == 3);
    }

    TEST_CASE("a wrong token is named with its remedy and tried again, and the collector stays up"
    ) {
        TempDir dir;
        HoldingStore store;
        TestCollector collector(store, with_token());
        auto setup = ship_setup(dir.path(), collector.port());
        setup.token = "wrong";
        {
            Shipping ship(setup);
            CHECK(eventually([&] {
                return ship.output.health().message.find("wrong token") != std::string::npos;
            }));
            CHECK_FALSE(ship.output.health().ok);
            CHECK(ship.output.health().message.find("set `token`") != std::string::npos);
            CHECK(eventually([&] { return collector.status().refused["bad_token"] >= 2; }));
            OneBatch batch;
            batch.ship(ship.output, {.key = {source(1), 0}, .end = 5});
            ship.output.stop(in_seconds(0));
            REQUIRE(batch.get());
            CHECK(batch.get()->outcome == Outcome::kRetry);
        }
        setup.token = "secret";
        Shipping ship(setup);
        CHECK(eventually([&] { return ship.output.health().ok; }));
    }

    TEST_CASE("the second live agent with one id may ask but not ship until the first has gone") {
        TempDir dir;
        HoldingStore store;
        TestCollector collector(store, with_token());
        auto first = std::make_unique<Shipping>(ship_setup(dir.path(), collector.port()));
        FileSource file(first->output, source(1), make_lines("f", 200, 1));
        CHECK(file.run(1));
        Shipping second(ship_setup(dir.path(), collector.port()));
        CHECK(eventually([&] {
            return second.output.health().message.find("another agent with this id is running") !=
                   std::string::npos;
        }));
        std::mutex mutex;
        std::optional<Result<pipeline::CommittedAnswer>> answer;
        second.output.ask_committed({{source(1), 0}, {source(2), 0}}, [&](auto value) {
            const std::lock_guard lock(mutex);
            answer = std::move(value);
        });
        CHECK(eventually([&] {
            const std::lock_guard lock(mutex);
            return answer.has_value();
        }));
        REQUIRE(*answer);
        REQUIRE((*answer)->lanes.size() == 2);
        CHECK((*answer)->lanes[0].known);
        CHECK((*answer)->lanes[0].committed > 0);
        CHECK_FALSE((*answer)->lanes[1].known);
        CHECK(collector.status().refused["in_use"] >= 1);
        CHECK(first->output.health().ok);
        first.reset();
        CHECK(eventually([&] { return second.output.health().ok; }));
    }

    TEST_CASE("a copied state directory takes a new id instead of fighting for the old one") {
        TempDir original;
        TempDir copy;
        HoldingStore store;
        TestCollector collector(store, with_token());
        Shipping first(ship_setup(original.path(), collector.port()));
        CHECK(eventually([&] { return first.output.health().ok; }));
        std::filesystem::copy_file(original / "agent.id", copy / "agent.id");
        Shipping second(ship_setup(copy.path(), collector.port()));
        CHECK(eventually([&] { return second.output.health().ok; }));
        CHECK(second.output.agent_id() != first.output.agent_id());
        CHECK(eventually([&] { return !collector.status().events.empty(); }));
        const auto events = collector.status().events;
        CHECK(events.at(0).kind == "lane_forked");
        CHECK(events.at(0).detail.find("copied") != std::string::npos);
        CHECK(first.output.health().ok);
    }

    TEST_CASE("a fork persists the new id, reports it and hands back what was under way") {
        TempDir dir;
        HoldingStore store;
        TestCollector collector(store, with_token());
        Shipping ship(ship_setup(dir.path(), collector.port()));
        CHECK(eventually([&] { return ship.output.health().ok; }));
        const AgentId before = ship.output.agent_id();
        store.hold(true);
        OneBatch batch;
        batch.ship(ship.output, {.key = {source(1), 0}, .end = 5});
        CHECK(eventually([&] { return store.held() == 1; }));
        ship.output.fork("bytes before 5 differ");
        CHECK(eventually([&] { return batch.get().has_value(); }));
        CHECK(batch.get()->outcome == Outcome::kRetry);
        CHECK(eventually([&] { return ship.output.agent_id() != before; }));
        CHECK(eventually([&] { return !collector.status().events.empty(); }));
        CHECK(collector.status().events.at(0).kind == "lane_forked");
        CHECK(collector.status().events.at(0).agent == ship.output.agent_id());
        const auto reloaded = ship::load_agent_identity(io::posix_file_system(), {dir.path()});
        CHECK(reloaded->identity.agent == ship.output.agent_id());
        ship.output.report_event("refilled", "12 bytes of /v/a.log");
        CHECK(eventually([&] { return collector.status().events.size() == 2; }));
        store.hold(false);
    }

    TEST_CASE("a gap is answered as a rewind with the committed position") {
        TempDir dir;
        HoldingStore store;
        TestCollector collector(store, with_token());
        Shipping ship(ship_setup(dir.path(), collector.port()));
        OneBatch batch;
        batch.ship(ship.output, {.key = {source(1), 0}, .begin = 100, .end = 105});
        CHECK(eventually([&] { return batch.get().has_value(); }));
        CHECK(batch.get()->outcome == Outcome::kRewind);
        REQUIRE(batch.get()->lanes.size() == 1);
        CHECK(batch.get()->lanes[0].kind == LaneVerdict::Kind::kGap);
        CHECK(batch.get()->lanes[0].committed == 0);
    }

    TEST_CASE("a batch beyond the frame limit moves its positions on and is answered as rejected") {
        TempDir dir;
        HoldingStore store;
        TestCollector collector(store, with_token());
        Shipping ship(ship_setup(dir.path(), collector.port()));
        RecordBatch batch;
        batch.add_stream(*StreamLabels::make({{"host", "h"}}));
        batch.add_position({.key = {source(1), 0}, .end = 5});
        const std::string huge(2 * kMiB, 'x');
        batch.append_row({.ts = {1}, .origin = 0, .body = batch.arena().copy(huge)});
        OneBatch next;
        std::mutex mutex;
        std::optional<DeliveryReport> report;
        BatchView view{std::make_shared<const RecordBatch>(std::move(batch)), {}};
        ship.output.deliver(std::move(view), [&](DeliveryReport r) {
            const std::lock_guard lock(mutex);
            report = std::move(r);
        });
        next.ship(ship.output, {.key = {source(1), 0}, .begin = 5, .end = 10});
        CHECK(eventually([&] { return next.get().has_value(); }));
        CHECK(next.get()->outcome == Outcome::kDelivered);
        const std::lock_guard lock(mutex);
        REQUIRE(report);
        CHECK(report->outcome == Outcome::kRejected);
        CHECK(report->dropped == 1);
        CHECK(report->reason == "frame_too_large");
    }

    TEST_CASE("a wrong clock is told on both sides, once, and no record is refused") {
        struct WrongClock final : io::Clock {
            UnixNanos wall_now() const override { return io::system_clock().wall_now() + ahead; }

            SteadyTime steady_now() const override { return io::system_clock().steady_now(); }

            Nanos ahead{0};
        };

        for (const int hours : {0, 2, -2}) {
            CAPTURE(hours);
            TempDir dir;
            HoldingStore store;
            TestCollector collector(store, with_token());
            CuttingProxy proxy(collector.port(), [] { return 0; });
            WrongClock clock;
            clock.ahead = std::chrono::hours(hours);
            Shipping ship(ship_setup(dir.path(), proxy.port()), clock);
            OneBatch first;
            first.ship(ship.output, {.key = {source(1), 0}, .end = 5});
            CHECK(eventually([&] { return first.get().has_value(); }));
            proxy.cut();
            OneBatch second;
            second.ship(ship.output, {.key = {source(1), 0}, .begin = 5, .end = 10});
            CHECK(eventually([&] { return second.get().has_value(); }));
            CHECK(store.inner.stats().records == 2);
            const auto status = collector.status();
            REQUIRE(status.agents.size() == 1);
            REQUIRE(status.agents[0].clock_skew);
            const double skew = std::chrono::duration<double>(*status.agents[0].clock_skew).count();
            CHECK(skew / 3600.0 == doctest::Approx(hours).epsilon(0.02));
            CHECK(status.agents[0].clock_is_wrong() == (hours != 0));
            CHECK(status.events.size() == (hours == 0 ? 0 : 1));
            for (const auto& event : status.events) {
                CHECK(event.kind == "clock_skew");
                CHECK(event.detail.find(hours > 0 ? "ahead of" : "behind") != std::string::npos);
            }
            CHECK(
                ship.metric("seyir_ship_clock_skew_seconds") / 3600.0 ==
                doctest::Approx(hours).epsilon(0.02)
            );
            const bool counts = collector.metrics().find(
                                    "seyir_collector_agents_wrong_clocks_total{input=\"agents\"} 0"
                                ) == std::string::npos;
            CHECK(counts == (hours != 0));
        }
    }

    TEST_CASE("a token file is read for each connection; an unusable one leaves the token before") {
        HoldingStore store;
        TestCollector collector(store, with_token());
        TempDir dir;
        const std::string path = dir.path() + "/token";
        const auto put = [&](const std::string& token) {
            REQUIRE(io::write_file_atomically(io::posix_file_system(), path, token));
        };
        auto setup = ship_setup(dir.path(), collector.port());
        const std::string right = setup.token;
        put("wrong\n");
        setup.token_file = path;
        setup.token = *ship::read_token_file(io::posix_file_system(), path);
        CHECK(setup.token == "wrong");
        Shipping ship(setup);
        const auto is_refused = [&] {
            return ship.output.health().message.find("token") != std::string::npos;
        };
        CHECK(eventually(is_refused));
        put("");
        CHECK(eventually([&] {
            return ship.registry.text().find("outcome=\"failed\"} 1") != std::string::npos;
        }));
        CHECK(is_refused());
        put(right + "\r\n");
        FileSource file(ship.output, source(1), make_lines("f", 500, 4));
        CHECK(file.run(4));
        CHECK(stored_lines(store.inner)["f"] == file.lines());
        CHECK(ship.registry.text().find("outcome=\"loaded\"} 1") != std::string::npos);
    }

    TEST_CASE("over TLS every line arrives, and a collector of another authority is not trusted") {
        TempFolder certificates;
        const auto authority = make_authority(certificates, "ca");
        const auto other = make_authority(certificates, "other");
        const auto leaf = make_leaf(certificates, authority, "collector", "127.0.0.1");
        auto settings = with_token();
        settings.tls = *net::TlsServerContext::load({leaf.cert, leaf.key, ""});
        HoldingStore store;
        TestCollector collector(store, settings);
        TempDir dir;
        auto setup = ship_setup(dir.path(), collector.port());
        setup.tls = *net::TlsClientContext::load({.ca = other.cert});
        {
            Shipping distrusting(setup);
            CHECK(eventually([&] {
                const std::string message = distrusting.output.health().message;
                return message.find("certificate") != std::string::npos;
            }));
        }
        setup.tls = *net::TlsClientContext::load({.ca = authority.cert});
        Shipping ship(setup);
        FileSource file(ship.output, source(1), make_lines("f", 2000, 4));
        CHECK(file.run(4));
        CHECK(stored_lines(store.inner)["f"] == file.lines());
    }
}
