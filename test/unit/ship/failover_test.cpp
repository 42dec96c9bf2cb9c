// SPDX-License-Identifier: Apache-2.0
// Two collectors; the first stops answering with a frame under way.
#include <algorithm>

#include <doctest/doctest.h>

#include "test/support/cutting_proxy.hpp"
#include "test/support/temp_dir.hpp"
#include "test/unit/ship/loopback.hpp"

using namespace seyir;
using namespace seyir::test;
using namespace std::chrono_literals;

namespace {

constexpr uint16_t kNobodyListens = 1;

/// The first collector stores a line and cannot be reached before it has answered.
struct Failover {
    explicit Failover(ship::OnAmbiguity on_ambiguity)
        : first(first_store, with_token()),
          second(second_store, with_token()),
          proxy(first.port(), [] { return 0; }),
          ship(setup(on_ambiguity)) {
        first_store.hold(true);
        sent.ship(ship.output, {.key = {source(1), 0}, .end = 5});
        REQUIRE(eventually([&] { return first_store.held() == 1; }));
        proxy.set_upstream(kNobodyListens);
        proxy.cut();
        REQUIRE(eventually([&] { return is_at(second); }));
    }

    ship::ShipSetup setup(ship::OnAmbiguity on_ambiguity) {
        ship::ShipSetup out = ship_setup(dir.path(), proxy.port());
        out.endpoints.push_back({.host = "127.0.0.1", .port = second.port(), .unix_path = ""});
        out.on_ambiguity = on_ambiguity;
        return out;
    }

    static bool is_at(TestCollector& collector) {
        const auto status = collector.status();
        return !status.agents.empty() && status.agents[0].connected;
    }

    static bool is_stored(OneBatch& batch) {
        return batch.get() && batch.get()->outcome == Outcome::kDelivered;
    }

    bool told(const std::string& kind) {
        return std::ranges::any_of(second.status().events, [&](const auto& event) {
            return event.kind == kind;
        });
    }

    TempDir dir;
    HoldingStore first_store;
    HoldingStore second_store;
    TestCollector first;
    TestCollector second;
    CuttingProxy proxy;
    Shipping ship;
    OneBatch sent;
};

}  // namespace

TEST_SUITE("common/ship/failover") {
    TEST_CASE("what the first collector may have waits for it, other sources go to the second") {
        Failover site(ship::OnAmbiguity::kWait);
        OneBatch behind;
        OneBatch other;
        behind.ship(site.ship.output, {.key = {source(1), 0}, .begin = 5, .end = 10});
        other.ship(site.ship.output, {.key = {source(2), 0}, .end = 5});
        CHECK(eventually([&] { return Failover::is_stored(other); }));
        CHECK(eventually([&] { return site.told("frames_held"); }));
        CHECK(site.second_store.stats().records == 1);
        CHECK_FALSE(site.sent.get());
        CHECK_FALSE(behind.get());
        CHECK(site.ship.metric("seyir_ship_held_frames") >= 1);

        site.first_store.hold(false);
        site.proxy.set_upstream(site.first.port());
        CHECK(eventually([&] {
            return Failover::is_stored(site.sent) && Failover::is_stored(behind);
        }));
        CHECK(site.sent.get()->duplicate == 1);
        CHECK(site.first_store.stats().records == 2);
        CHECK(site.second_store.stats().records == 1);
        CHECK(site.ship.metric("seyir_ship_possible_duplicate_rows_total") == 0);
        CHECK(eventually([&] { return site.ship.metric("seyir_ship_held_frames") == 0; }));
    }

    TEST_CASE("with resend all goes to the second collector, counted as possible duplicates") {
        Failover site(ship::OnAmbiguity::kResend);
        CHECK(eventually([&] { return Failover::is_stored(site.sent); }));
        OneBatch behind;
        behind.ship(site.ship.output, {.key = {source(1), 0}, .begin = 5, .end = 10});
        CHECK(eventually([&] { return Failover::is_stored(behind); }));
        CHECK(site.second_store.stats().records == 2);
        CHECK(site.first_store.stats().records == 1);
        CHECK(site.ship.metric("seyir_ship_possible_duplicate_rows_total") == 1);
        CHECK(site.ship.metric("seyir_ship_held_frames") == 0);
        CHECK(eventually([&] { return site.told("possible_duplicates"); }));
        site.first_store.hold(false);
    }
}
