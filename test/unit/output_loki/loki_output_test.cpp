// SPDX-License-Identifier: Apache-2.0
// The loki output against a real HTTP server that reads pushes as our loki input does, and answers
// as the test says.
#include "plugins/output/loki/loki_output.hpp"

#include <array>
#include <deque>
#include <future>

#include <doctest/doctest.h>

#include "collector/input/loki/push_formats.hpp"
#include "common/async/runtime.hpp"
#include "common/codec/snappy_block.hpp"
#include "common/net/server/http_server.hpp"
#include "test/support/eventually.hpp"

using namespace seyir;
using namespace seyir::test;
using namespace seyir::plugins::loki;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

using Lines = std::vector<std::string>;

BatchView view_of(const Lines& lines) {
    auto batch = std::make_shared<RecordBatch>();
    const auto stream = batch->add_stream(*StreamLabels::make({{"env", "prod"}, {"host", "h"}}));
    const std::array<Attr, 3> attrs{
        Attr{batch->add_key("fluent.tag"), Value::string("app")},
        Attr{batch->add_key("status"), Value::integer(200), true},
        Attr{batch->add_key("empty"), Value::string("")},
    };
    const AttrRange range = batch->add_attrs(attrs);
    for (const std::string& line : lines) {
        batch->append_row(
            {.ts = {1'767'225'600'000'000'007},
             .stream = stream,
             .severity = kSeverityWarn,
             .body = batch->arena().copy(line),
             .attrs = range}
        );
    }
    return {std::move(batch), {}};
}

/// A server for pushes.
class PushServer {
  public:
    PushServer() : server_(runtime_, lanes_, registry_, options()) {
        server_.add_route(
            {.method = "POST",
             .path = "/loki/api/v1/push",
             .scope = net::Scope::kNone,
             .lane = net::Lane::kIngest,
             .handler = [this](const net::HttpExchangePtr& exchange) { take(exchange); }}
        );
        const auto started = server_.start();
        REQUIRE(started);
    }

    ~PushServer() {
        server_.stop(io::system_clock().steady_now() + 5s);
        lanes_.stop();
        runtime_.stop();
    }

    std::string url() const { return "http://" + server_.local().text(); }

    /// The next answers; without any, pushes are read and stored.
    void answer_next(std::deque<net::HttpResponse> answers) {
        const std::lock_guard lock(mutex_);
        answers_ = std::move(answers);
    }

    /// Refuses longer bodies with 413.
    void set_body_bytes_max(size_t bytes) {
        const std::lock_guard lock(mutex_);
        body_bytes_max_ = bytes;
    }

    std::vector<net::HttpRequest> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

    Lines lines() const {
        const std::lock_guard lock(mutex_);
        Lines all;
        for (const auto& batch : batches_) {
            for (size_t i = 0; i < batch->row_count(); ++i) {
                all.emplace_back(batch->body(i));
            }
        }
        return all;
    }

    std::shared_ptr<RecordBatch> batch(size_t at) const {
        const std::lock_guard lock(mutex_);
        return batches_.at(at);
    }

  private:
    static net::HttpServerOptions options() {
        net::HttpServerOptions options;
        options.listen = {.host = "127.0.0.1", .port = 0, .unix_path = ""};
        return options;
    }

    void take(const net::HttpExchangePtr& exchange) {
        const net::HttpRequest& request = exchange->request();
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        if (!answers_.empty()) {
            exchange->respond(std::move(answers_.front()));
            answers_.pop_front();
            return;
        }
        if (request.body.size() > body_bytes_max_) {
            exchange->respond(net::HttpResponse::text(413, "too large"));
            return;
        }
        const std::vector<std::pair<std::string, std::string>> labels;
        const collector::input::PushSettings settings{.labels = labels, .limits = {}};
        const bool is_json = request.header("Content-Type") == "application/json";
        auto body = is_json ? collector::input::read_push_json(request.body, settings)
                            : collector::input::read_push_protobuf(request.body, settings);
        REQUIRE(body);
        CHECK(body->rejected == 0);
        batches_.push_back(body->batch);
        exchange->respond({.status = 204, .content_type = ""});
    }

    mutable std::mutex mutex_;
    std::deque<net::HttpResponse> answers_;
    size_t body_bytes_max_ = SIZE_MAX;
    std::vector<net::HttpRequest> requests_;
    std::vector<std::shared_ptr<RecordBatch>> batches_;
    metrics::Registry registry_;
    async::Runtime runtime_{"test-http", 1};
    net::HttpLanes lanes_;
    net::HttpServer server_;
};

LokiOutputSetup setup_to(const PushServer& server) {
    LokiOutputSetup setup;
    setup.url = server.url();
    setup.target = "/loki/api/v1/push";
    setup.retry_pause = 1ms;
    return setup;
}

struct OutputFixture {
    explicit OutputFixture(LokiOutputSetup setup)
        : output(std::move(setup), io::system_clock(), registry) {
        const auto started = output.start();
        REQUIRE(started);
    }

    std::future<DeliveryReport> deliver(BatchView view) {
        auto answer = std::make_shared<std::promise<DeliveryReport>>();
        output.deliver(std::move(view), [answer](DeliveryReport report) {
            answer->set_value(std::move(report));
        });
        return answer->get_future();
    }

    DeliveryReport report_of(const Lines& lines) {
        auto future = deliver(view_of(lines));
        REQUIRE(future.wait_for(20s) == std::future_status::ready);
        return future.get();
    }

    metrics::Registry registry;
    LokiOutput output;
};

}  // namespace

TEST_SUITE("plugins/output/loki") {
    TEST_CASE("a push in protobuf has exactly these bytes") {
        PushEncoder encoder({.has_metadata = false});
        const BatchView view = view_of({"hi"});
        CHECK(encoder.content_type() == "application/x-protobuf");
        CHECK(
            *codec::snappy_decompress(encoder.encode({&view, 1}), 1000) ==
            "\x0a\x28"
            "\x0a\x16{env=\"prod\", host=\"h\"}"
            "\x12\x0e"
            "\x0a\x08\x08\x80\xf2\xd6\xca\x06\x10\x07\x12\x02hi"s
        );
    }

    TEST_CASE("a push in JSON has exactly these bytes") {
        PushEncoder encoder({.encoding = PushEncoding::kJson, .labels = {{"host", ""}, {"a", "b"}}}
        );
        const BatchView view = view_of({"hi", "\"\n"});
        CHECK(
            encoder.encode({&view, 1}) ==
            R"({"streams":[{"stream":{"a":"b","env":"prod"},"values":[)"
            R"(["1767225600000000007","hi",{"fluent_tag":"app","status":"200","level":"warn"}],)"
            R"(["1767225600000000007","\"\n",{"fluent_tag":"app","status":"200","level":"warn"}]]}]})"
        );
    }

    TEST_CASE("rows arrive byte for byte with labels, time, metadata and level, in both encodings"
    ) {
        PushServer server;
        LokiOutputSetup setup = setup_to(server);
        Lines lines{"one", "", "\xce\xa9 {\"a\":1}"};
        SUBCASE("protobuf") {
            lines.push_back("\xff\x00\xfe"s);
        }
        SUBCASE("json") {
            setup.push.encoding = PushEncoding::kJson;
        }
        OutputFixture fixture(setup);
        CHECK(fixture.report_of(lines).accepted == lines.size());
        CHECK(server.lines() == lines);
        const auto batch = server.batch(0);
        CHECK(batch->streams()[0]->to_text() == R"({env="prod", host="h"})");
        CHECK(batch->ts(0).value == 1'767'225'600'000'000'007);
        CHECK(batch->severity(0) == kSeverityWarn);
        CHECK(batch->find_key("fluent_tag").has_value());
        CHECK(!batch->find_key("empty").has_value());
        CHECK(fixture.output.health().ok);
    }

    TEST_CASE("tenant and credentials are sent as configured") {
        PushServer server;
        LokiOutputSetup setup = setup_to(server);
        setup.tenant = "team-a";
        SUBCASE("basic") {
            setup.user = "Aladdin";
            setup.password = "open sesame";
            OutputFixture(setup).report_of({"x"});
            CHECK(
                *server.requests().at(0).header("Authorization") ==
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
            );
        }
        SUBCASE("bearer") {
            setup.token = "secret";
            OutputFixture(setup).report_of({"x"});
            CHECK(*server.requests().at(0).header("Authorization") == "Bearer secret");
        }
        CHECK(*server.requests()[0].header("X-Scope-OrgID") == "team-a");
    }

    TEST_CASE("no answer, 429 and 5xx are tried again with the same bytes, then given back") {
        PushServer server;
        OutputFixture fixture(setup_to(server));
        server.answer_next(
            {net::HttpResponse::text(429, "slow down"), net::HttpResponse::text(503, "")}
        );
        CHECK(fixture.report_of({"one"}).outcome == Outcome::kDelivered);
        const auto requests = server.requests();
        REQUIRE(requests.size() == 3);
        CHECK(requests[0].body == requests[2].body);
        server.answer_next({3, net::HttpResponse::text(500, "broken\ninside")});
        const DeliveryReport report = fixture.report_of({"two"});
        CHECK(report.outcome == Outcome::kRetry);
        CHECK(report.message == server.url() + " answered 500: broken inside");
        CHECK(!fixture.output.health().ok);
        CHECK(fixture.report_of({"two"}).outcome == Outcome::kDelivered);
        CHECK(fixture.output.health().ok);
    }

    TEST_CASE("a mistake in the configuration is no reason to lose records") {
        PushServer server;
        OutputFixture fixture(setup_to(server));
        for (const int status : {301, 401, 403, 404, 405, 415}) {
            server.answer_next({3, net::HttpResponse::text(status, "no")});
            CHECK(fixture.report_of({"one"}).outcome == Outcome::kRetry);
        }
        CHECK(server.lines().empty());
    }

    TEST_CASE("what the server refuses for good is counted with the number it names") {
        PushServer server;
        OutputFixture fixture(setup_to(server));
        const std::vector<std::pair<std::string, uint32_t>> answers{
            {"entry for stream '{}' has timestamp too old: 1970, total ignored: 2 out of 3", 2},
            {R"({"message":"1 entries refused:\nstreams[0]: line of 2 MiB"})", 1},
            {"error parsing labels", 3},
        };
        for (const auto& [text, dropped] : answers) {
            // Once for the group, once for the view alone.
            server.answer_next({2, net::HttpResponse::text(400, text)});
            const DeliveryReport report = fixture.report_of({"one", "two", "three"});
            CHECK(report.outcome == Outcome::kRejected);
            CHECK(report.dropped == dropped);
            CHECK(report.accepted == 3 - dropped);
            CHECK(report.reason == "refused_by_server");
        }
    }

    TEST_CASE("a push too large for the server goes by halves, and what still is too large is named"
    ) {
        PushServer server;
        OutputFixture fixture(setup_to(server));
        server.set_body_bytes_max(400);
        std::string noise(5000, '\0');
        for (size_t i = 0; i < noise.size(); ++i) {
            noise[i] = static_cast<char>(i * i * 2654435761U >> 24);
        }
        const Lines lines{"a", "b", noise, "c", "d"};
        const DeliveryReport report = fixture.report_of(lines);
        CHECK(report.outcome == Outcome::kRejected);
        CHECK(report.accepted == 4);
        CHECK(report.dropped == 1);
        CHECK(server.lines() == Lines{"a", "b", "c", "d"});
    }

    TEST_CASE("what queues up while a push is under way goes in the next one") {
        PushServer server;
        OutputFixture fixture(setup_to(server));
        std::vector<std::future<DeliveryReport>> answers;
        for (int i = 0; i < 200; ++i) {
            answers.push_back(fixture.deliver(view_of({std::to_string(i)})));
        }
        for (auto& answer : answers) {
            REQUIRE(answer.wait_for(20s) == std::future_status::ready);
            CHECK(answer.get().accepted == 1);
        }
        CHECK(server.requests().size() < 200);
        Lines expected;
        for (int i = 0; i < 200; ++i) {
            expected.push_back(std::to_string(i));
        }
        CHECK(server.lines() == expected);
    }

    TEST_CASE("a server that is not there is named, and a stop gives rows back") {
        LokiOutputSetup setup;
        setup.url = "http://127.0.0.1:1";
        setup.target = "/loki/api/v1/push";
        setup.attempts = 1'000'000;
        OutputFixture fixture(setup);
        auto answer = fixture.deliver(view_of({"one"}));
        REQUIRE(eventually([&] { return !fixture.output.health().ok; }));
        CHECK(fixture.output.health().message.find("is Loki running there?") != std::string::npos);
        fixture.output.stop(SteadyTime::min());
        REQUIRE(answer.wait_for(0s) == std::future_status::ready);
        CHECK(answer.get().outcome == Outcome::kRetry);
        CHECK(fixture.report_of({"two"}).outcome == Outcome::kRetry);
    }
}
