// SPDX-License-Identifier: Apache-2.0
#include "collector/input/loki/loki_input.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "common/codec/snappy_block.hpp"
#include "test/support/fake_exchange.hpp"
#include "test/support/replay_corpus.hpp"

using namespace seyir;
using namespace seyir::collector::input;

namespace {

struct World {
    metrics::Registry registry;
    io::ManualClock clock;
    LokiInput input{
        {.id = "loki", .labels = {{"env", "test"}}}, registry, clock, 1'000, {.line_bytes_max = 100}
    };
    std::vector<RecordBatchPtr> batches;

    World() {
        REQUIRE(input.start([this](RecordBatchPtr batch) { batches.push_back(std::move(batch)); }));
    }

    std::shared_ptr<test::FakeExchange> push(
        std::string body, std::string type = "application/json"
    ) {
        net::HttpRequest request{.method = "POST", .path = "/loki/api/v1/push"};
        request.headers = {{"Content-Type", std::move(type)}};
        request.body = std::move(body);
        return test::call(input.http_routes(), std::move(request));
    }

    void resolve(DeliveryReport report) {
        AckToken token = batches.back()->take_ack();
        token.resolve(std::move(report));
        batches.clear();
    }
};

const std::string kBody =
    R"({"streams":[{"stream":{"app":"x"},"values":[["5","one"],["6","two",{"level":"warn","k":"v"}]]}]})";

std::string field(int number, const std::string& bytes) {
    return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(bytes.size()) +
           bytes;
}

std::string compressed(const std::string& raw) {
    return codec::snappy_compress(raw);
}

}  // namespace

TEST_SUITE("collector/input/loki") {
    TEST_CASE("a push is answered only when its rows are durable") {
        World world;
        const auto exchange = world.push(kBody);
        CHECK(exchange->answers == 0);
        REQUIRE(world.batches.size() == 1);
        const RecordBatch& batch = *world.batches[0];
        REQUIRE(batch.row_count() == 2);
        CHECK(batch.streams()[0]->to_text() == R"({app="x", env="test"})");
        CHECK(batch.ts(1).value == 6);
        CHECK(batch.body(1) == "two");
        CHECK(batch.severity(1) == kSeverityWarn);
        CHECK(batch.find_attr(1, *batch.find_key("k"))->as_text() == "v");
        CHECK(!batch.provenance().push_hash.is_zero());
        world.resolve(DeliveryReport::delivered(2));
        CHECK(exchange->answer.status == 204);
        CHECK(exchange->answer.body.empty());
    }

    TEST_CASE("the same body has the same push hash, another one has not") {
        World world;
        world.push(kBody);
        const PushHash first = world.batches.back()->provenance().push_hash;
        world.resolve(DeliveryReport::delivered(2));
        world.push(kBody);
        CHECK(world.batches.back()->provenance().push_hash == first);
        world.resolve(DeliveryReport::delivered(2));
        world.push(kBody + " ");
        CHECK(world.batches.back()->provenance().push_hash != first);
        world.resolve(DeliveryReport::delivered(2));
    }

    TEST_CASE("an output that fails, and an input that stops, ask to send again") {
        World world;
        auto exchange = world.push(kBody);
        world.resolve(DeliveryReport::retry("disk full"));
        CHECK(exchange->answer.status == 503);
        CHECK(exchange->answer.body.find("disk full") != std::string::npos);
        exchange = world.push(kBody);
        world.batches.clear();  // forgotten: as good as failed
        CHECK(exchange->answer.status == 503);
        world.input.stop();
        exchange = world.push(kBody);
        CHECK(exchange->answer.status == 503);
        CHECK(exchange->answers == 1);
    }

    TEST_CASE("a full disk is 507 with a longer pause, whatever the other outputs say") {
        World world;
        const auto exchange = world.push(kBody);
        AckToken token = world.batches.back()->take_ack();
        AckToken other = token.clone();
        other.resolve(DeliveryReport::delivered(2));
        token.resolve(
            {.outcome = Outcome::kRetry,
             .reason = "no_space",
             .message = "1 GiB free, below its hard mark of 2 GiB",
             .retry_after = std::chrono::seconds(10)}
        );
        CHECK(exchange->answer.status == 507);
        CHECK(exchange->answer.body.find("hard mark of 2 GiB") != std::string::npos);
        CHECK(exchange->answer.body.find(R"("error_code":"no_space")") != std::string::npos);
        const std::pair<std::string, std::string> pause("Retry-After", "10");
        CHECK(std::ranges::count(exchange->answer.headers, pause) == 1);
    }

    TEST_CASE("bytes in flight are bounded: 429 and when to come back") {
        World world;
        const std::string body = R"({"streams":[{"stream":{"a":"b"},"values":[["1",")" +
                                 std::string(90, 'x') + "\"]]}]}" + std::string(700, ' ');
        const auto first = world.push(body);
        const auto second = world.push(body);
        CHECK(second->answer.status == 429);
        CHECK(second->answer.headers.at(0).first == "Retry-After");
        world.resolve(DeliveryReport::delivered(1));
        CHECK(first->answer.status == 204);
        const auto third = world.push(body);
        CHECK(third->answers == 0);
        world.resolve(DeliveryReport::delivered(1));
    }

    TEST_CASE("entries that break a rule are listed, the others stored") {
        World world;
        const auto exchange = world.push(
            R"({"streams":[{"stream":{"bad-name":"x"},"values":[["1","a"],["2","b"]]},)"
            R"({"stream":{"app":"x"},"values":[["3","good"],["4",")" +
            std::string(200, 'y') + R"("]]}]})"
        );
        REQUIRE(world.batches.size() == 1);
        CHECK(world.batches[0]->row_count() == 1);
        world.resolve(DeliveryReport::delivered(1));
        CHECK(exchange->answer.status == 400);
        CHECK(exchange->answer.body.find("3 entries refused") != std::string::npos);
        CHECK(exchange->answer.body.find("bad-name") != std::string::npos);
        CHECK(
            exchange->answer.body.find("streams[1]: line of 200 B, 100 B are allowed") !=
            std::string::npos
        );
    }

    TEST_CASE("no push may set the label of host metrics") {
        World world;
        const auto exchange =
            world.push(R"({"streams":[{"stream":{"__metrics__":"1"},"values":[["1","a"]]}]})");
        CHECK(exchange->answer.status == 400);
        CHECK(exchange->answer.body.find("__metrics__") != std::string::npos);
        CHECK(world.batches.empty());
    }

    TEST_CASE("a body of the wrong shape is refused whole, with its place") {
        World world;
        const auto message = [&](std::string body) {
            const auto exchange = world.push(std::move(body));
            CHECK(exchange->answer.status == 400);
            return exchange->answer.body;
        };
        CHECK(message("{").find("JSON") != std::string::npos);
        CHECK(message("[]").find("array `streams`") != std::string::npos);
        CHECK(
            message(R"({"streams":[{"stream":{"a":"b"},"values":[[5,"x"]]}]})")
                .find("streams[0].values[0]: the time must be a string") != std::string::npos
        );
        CHECK(
            message(R"({"streams":[{"stream":{"a":"b"},"values":[["5"]]}]})")
                .find("values[0] must be") != std::string::npos
        );
        CHECK(
            message(R"({"streams":[{"stream":{"a":1},"values":[]}]})").find("not a string") !=
            std::string::npos
        );
        CHECK(world.batches.empty());
        CHECK(world.push(kBody, "text/plain")->answer.status == 400);
        CHECK(world.push(R"({"streams":[]})")->answer.status == 204);
    }

    TEST_CASE("snappy-compressed protobuf gives the same rows") {
        World world;
        const std::string time = "\x08\x05\x10\x07";  // 5 s, 7 ns
        const std::string entry =
            field(1, time) + field(2, "line") + field(3, field(1, "k") + field(2, "v"));
        const std::string stream = field(1, R"({app="x"})") + field(2, entry);
        const auto exchange = world.push(compressed(field(1, stream)), "application/x-protobuf");
        REQUIRE(world.batches.size() == 1);
        const RecordBatch& batch = *world.batches[0];
        CHECK(batch.ts(0).value == 5'000'000'007);
        CHECK(batch.body(0) == "line");
        CHECK(batch.find_attr(0, *batch.find_key("k"))->as_text() == "v");
        world.resolve(DeliveryReport::delivered(1));
        CHECK(exchange->answer.status == 204);
        CHECK(world.push("not snappy", "application/x-protobuf")->answer.status == 400);
        CHECK(
            world.push(compressed(field(1, stream).substr(0, 9)), "application/x-protobuf")
                ->answer.status == 400
        );
    }

    TEST_CASE("the committed corpus of the fuzz target runs clean") {
        CHECK(test::replay_corpus(std::string(SEYIR_SOURCE_ROOT) + "/test/fuzz/corpus/push") >= 7);
    }
}
