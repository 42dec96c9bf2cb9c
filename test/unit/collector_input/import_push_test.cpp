// SPDX-License-Identifier: Apache-2.0
// Requests of an import (docs/format/export.md): a stretch of a lane of their own.
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "collector/input/http/http_input.hpp"
#include "collector/input/http/record_reader.hpp"
#include "test/support/fake_exchange.hpp"

using namespace seyir;
using namespace seyir::collector::input;

namespace {

constexpr std::string_view kRecord =
    R"({"timestamp":"2026-01-01T00:00:00.000000001Z","labels":{"app":"x"},"body":"one"})"
    "\n";

struct World {
    metrics::Registry registry;
    io::ManualClock clock;
    HttpInput input{
        {.id = "http",
         .path = "/ingest",
         .records = {.labels = *StreamLabels::make({{"input", "http"}})}},
        registry,
        clock
    };
    std::vector<RecordBatchPtr> batches;

    World() {
        REQUIRE(input.start([this](RecordBatchPtr batch) { batches.push_back(std::move(batch)); }));
    }

    std::shared_ptr<test::FakeExchange> push(char import, uint64_t begin, uint64_t end) {
        net::HttpRequest request{.method = "POST", .path = "/ingest"};
        request.headers = {{"Content-Type", std::string(kRecordsContentType)}};
        request.body = fmt::format(
            "{{\"import\":{{\"id\":\"{}\",\"begin\":{},\"end\":{}}}}}\n{}{}",
            std::string(32, import),
            begin,
            end,
            kRecord,
            kRecord
        );
        return test::call(input.http_routes(), std::move(request));
    }

    void resolve(DeliveryReport report) {
        AckToken token = batches.back()->take_ack();
        token.resolve(std::move(report));
        batches.pop_back();
    }
};

}  // namespace

TEST_SUITE("collector/input/push/import") {
    TEST_CASE("each row of an import's request lies in the import's own lane") {
        World world;
        world.push('a', 5, 900);
        REQUIRE(world.batches.size() == 1);
        const RecordBatchPtr batch = world.batches.back();
        REQUIRE(batch->positions().size() == 1);
        CHECK(batch->positions()[0].begin == 5);
        CHECK(batch->positions()[0].end == 900);
        CHECK(batch->positions()[0].lane_start);
        CHECK_FALSE(batch->provenance().agent.is_zero());
        // Its bytes do not say that it is stored: told to go on elsewhere, it is not.
        CHECK(batch->provenance().push_hash.is_zero());
        REQUIRE(batch->row_count() == 2);
        CHECK(batch->origin(0) == 0);
        CHECK(batch->origin(1) == 0);
        const AgentId lane = batch->provenance().agent;
        world.resolve(DeliveryReport::delivered(2));
        world.push('a', 900, 1'000);
        CHECK(world.batches.back()->provenance().agent == lane);
        CHECK(world.batches.back()->positions()[0].key == batch->positions()[0].key);
        world.resolve(DeliveryReport::delivered(2));
        world.push('b', 5, 900);
        CHECK(world.batches.back()->provenance().agent != lane);
        world.resolve(DeliveryReport::delivered(2));
    }

    TEST_CASE("a request of which only the beginning is stored is told how far that goes") {
        World world;
        const auto exchange = world.push('a', 0, 900);
        LaneVerdict verdict{.key = world.batches.back()->positions()[0].key};
        verdict.kind = LaneVerdict::Kind::kRewind;
        verdict.committed = 340;
        world.resolve({.outcome = Outcome::kRewind, .lanes = {verdict}});
        CHECK(exchange->answer.status == 409);
        CHECK_MESSAGE(
            exchange->answer.body.find("this import is stored up to byte 340") != std::string::npos,
            exchange->answer.body
        );
        const auto again = world.push('a', 340, 900);
        world.resolve(DeliveryReport::delivered(2));
        CHECK(again->answer.status < 300);
    }
}
