// SPDX-License-Identifier: Apache-2.0
#include "collector/services/intake_brake.hpp"

#include <doctest/doctest.h>

#include "collector/input/loki/loki_input.hpp"
#include "test/support/fake_exchange.hpp"

using namespace seyir;
using namespace std::chrono_literals;
using collector::IntakeBrake;

TEST_SUITE("collector/services/intake_brake") {
    TEST_CASE("the rate falls from the soft mark to the hard one, and there is none above it") {
        CHECK(IntakeBrake::rate_for(100, 100, 20) == 0);
        CHECK(
            IntakeBrake::rate_for(60, 100, 20) ==
            (IntakeBrake::kFastest + IntakeBrake::kSlowest) / 2
        );
        CHECK(IntakeBrake::rate_for(20, 100, 20) == IntakeBrake::kSlowest);
        CHECK(IntakeBrake::rate_for(5, 20, 20) == 0);
    }

    TEST_CASE("what comes in a minute is the rate, however large each piece is") {
        for (const uint64_t piece : {2'000, 50'000, 3'000'000}) {
            CAPTURE(piece);
            io::ManualClock clock;
            IntakeBrake brake(clock);
            brake.charge(kGiB);
            CHECK(brake.wait() == 0ns);
            brake.set_rate(kMiB);
            uint64_t taken = 0;
            for (int i = 0; i < 60'000; ++i) {
                if (brake.wait() == 0ns) {
                    brake.charge(piece);
                    taken += piece;
                }
                clock.advance(1ms);
            }
            CHECK(taken >= 59 * kMiB);
            CHECK(taken <= 61 * kMiB + piece);
        }
    }

    TEST_CASE("a huge request is paid for within ten seconds, and nobody waits without a rate") {
        io::ManualClock clock;
        IntakeBrake brake(clock);
        brake.set_rate(kMiB);
        brake.charge(kGiB);
        CHECK(brake.wait() == IntakeBrake::kWaitMax);
        brake.set_rate(0);
        CHECK(brake.wait() == 0ns);
    }

    TEST_CASE("a push that must wait is told 429, how long, and why; the next one is taken") {
        metrics::Registry registry;
        io::ManualClock clock;
        collector::input::LokiInput input({.id = "loki", .labels = {}}, registry, clock);
        const auto brake = std::make_shared<IntakeBrake>(clock);
        input.set_brake(brake);
        REQUIRE(input.start([](RecordBatchPtr batch) {
            batch->take_ack().resolve(DeliveryReport::delivered(1));
        }));
        const auto push = [&] {
            net::HttpRequest request{.method = "POST", .path = "/loki/api/v1/push"};
            request.headers = {{"Content-Type", "application/json"}};
            request.body = R"({"streams":[{"stream":{"a":"b"},"values":[["1",")" +
                           std::string(10'000, 'x') + "\"]]}]}";
            return test::call(input.http_routes(), std::move(request))->answer;
        };
        brake->set_rate(2'000);
        CHECK(push().status == 204);
        const auto slow = push();
        CHECK(slow.status == 429);
        CHECK(slow.body.find("min_free.soft") != std::string::npos);
        REQUIRE(slow.headers.size() == 1);
        CHECK(slow.headers[0].first == "Retry-After");
        CHECK((slow.headers[0].second == "4" || slow.headers[0].second == "5"));
        clock.advance(5s);
        CHECK(push().status == 204);
    }
}
