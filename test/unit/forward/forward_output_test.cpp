// SPDX-License-Identifier: Apache-2.0
// The forward output against our own input, and against servers made of plain sockets.
#include "plugins/output/forward/forward_output.hpp"

#include <array>
#include <future>
#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "test/support/eventually.hpp"
#include "test/unit/forward/forward_client.hpp"
#include "test/unit/net/certificates.hpp"

using namespace seyir;
using namespace seyir::test;
using namespace seyir::plugins::forward;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

BatchView view_of(const std::vector<std::string>& bodies) {
    auto batch = std::make_shared<RecordBatch>();
    const auto stream =
        batch->add_stream(*StreamLabels::make({{"host", "h"}, {"service_name", "web"}}));
    const std::array<Attr, 2> attrs{
        Attr{batch->add_key("filename"), Value::string("/x.log")},
        Attr{batch->add_key("status"), Value::integer(200), true},
    };
    const AttrRange range = batch->add_attrs(attrs);
    for (const std::string& body : bodies) {
        batch->append_row(
            {.ts = {1'767'225'600'000'000'007},
             .stream = stream,
             .severity = kSeverityWarn,
             .body = batch->arena().copy(body),
             .attrs = range}
        );
    }
    return {std::move(batch), {}};
}

ForwardOutputSetup output_to(const net::Endpoint& where) {
    ForwardOutputSetup setup;
    setup.endpoints = {where};
    setup.retry_pause = 1ms;
    return setup;
}

/// A running output.
struct OutputFixture {
    explicit OutputFixture(const ForwardOutputSetup& setup)
        : output(setup, *ChunkEncoder::make(setup.chunks), io::system_clock(), registry) {
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

    DeliveryReport report_of(const std::vector<std::string>& bodies) {
        auto future = deliver(view_of(bodies));
        REQUIRE(future.wait_for(20s) == std::future_status::ready);
        return future.get();
    }

    metrics::Registry registry;
    ForwardOutput output;
};

/// A listening socket that accepts and does what the test says.
class PlainServer {
  public:
    PlainServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
        REQUIRE(::listen(socket_, 16) == 0);
        socklen_t size = sizeof(address);
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
        endpoint_ = {.host = "127.0.0.1", .port = ntohs(address.sin_port), .unix_path = ""};
    }

    ~PlainServer() { ::close(socket_); }

    PlainServer(const PlainServer&) = delete;
    PlainServer& operator=(const PlainServer&) = delete;

    const net::Endpoint& endpoint() const { return endpoint_; }

    /// The next connection's first message; then `answer` is sent and the connection closed.
    std::string serve_one(const std::string& answer) {
        const int client = ::accept(socket_, nullptr, nullptr);
        std::string bytes;
        codec::MsgpackScanner scanner(1 << 20);
        while (scanner.scan(bytes) == codec::MsgpackScanner::State::kMore) {
            char room[4096];
            const ssize_t size = ::recv(client, room, sizeof(room), 0);
            if (size <= 0) {
                break;
            }
            bytes.append(room, static_cast<size_t>(size));
        }
        ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
        ::close(client);
        return bytes;
    }

  private:
    int socket_;
    net::Endpoint endpoint_;
};

std::string attr_json(const RecordBatch& batch, std::string_view name) {
    const auto key = batch.find_key(name);
    std::string text;
    if (key && batch.find_attr(0, *key) != nullptr) {
        batch.find_attr(0, *key)->append_json(text);
    }
    return text;
}

}  // namespace

TEST_SUITE("plugins/output/forward") {
    TEST_CASE("a chunk has exactly these bytes") {
        auto encoder = ChunkEncoder::make({});
        REQUIRE(encoder);
        const auto chunks = encoder->encode(view_of({"hi", "\xff"}));
        REQUIRE(chunks.size() == 1);
        const std::string rest =
            "\xa5level\xa4warn\xa6labels\x82\xa4host\xa1h\xacservice_name\xa3web"
            "\xa8"
            "filename\xa6/x.log\xa6status\xcc\xc8";
        const std::string head = "\x92\xd7\x00\x69\x55\xb9\x00\x00\x00\x00\x07\x85\xa3log"s;
        const std::string entries = head + "\xa2hi" + rest + head + "\xc4\x01\xff" + rest;
        const std::string expected = "\x93\xa9seyir.web\xc4"s + static_cast<char>(entries.size()) +
                                     entries +
                                     "\x82\xa4size\x02\xa5"
                                     "chunk\xb8" +
                                     chunks[0].id;
        CHECK(chunks[0].message == expected);
        CHECK(chunks[0].id.size() == 24);
        CHECK(encoder->encode(view_of({"hi", "\xff"}))[0].message == expected);
        CHECK(encoder->encode(view_of({"ho"}))[0].id != chunks[0].id);
    }

    TEST_CASE("labels go where they are asked for and never take an attribute's name") {
        const auto has = [](const ChunkOptions& options, std::string_view bytes) {
            auto encoder = ChunkEncoder::make(options);
            const auto chunks = encoder->encode(view_of({"x"}));
            return chunks[0].message.find(bytes) != std::string::npos;
        };
        CHECK(has({.labels = LabelPlace::kFlat}, "\xa4host\xa1h\xacservice_name"));
        CHECK(!has({.labels = LabelPlace::kFlat}, "labels"));
        CHECK(!has({.labels = LabelPlace::kNone}, "\xa4host"));
        CHECK(
            has({.line_key = "filename"},
                "\xa8"
                "filename\xa1x")
        );
        CHECK(!has({.line_key = "filename"}, "/x.log"));
    }

    TEST_CASE("a long batch is cut into chunks, and tags are kept apart") {
        auto encoder = ChunkEncoder::make({.tag = "t.{{__line__}}", .chunk_bytes_max = 200});
        REQUIRE(encoder);
        const auto chunks = encoder->encode(view_of({"a", "b", "a", "a", "a"}));
        REQUIRE(chunks.size() == 3);
        CHECK(chunks[0].message.starts_with("\x93\xa3t.a"));
        CHECK(chunks[2].message.starts_with("\x93\xa3t.b"));
    }

    TEST_CASE("what our output sends, our input takes, byte for byte") {
        ForwardServerFixture server;
        ForwardOutputSetup setup = output_to(server.input.local()[0]);
        SUBCASE("plain") {}
        SUBCASE("gzip") {
            setup.chunks.uses_gzip = true;
        }
        SUBCASE("without acks") {
            setup.chunks.wants_ack = false;
        }
        OutputFixture fixture(setup);
        const std::vector<std::string> lines{"one", "", "\xff\x00\xfe"s, "{\"a\":1}", "Ω"};
        CHECK(fixture.report_of(lines).accepted == 5);
        REQUIRE(eventually([&] { return server.engine.rows() == 5; }));
        CHECK(server.engine.bodies() == lines);
        const RecordBatch& batch = *server.engine.batches()[0];
        CHECK(batch.ts(0).value == 1'767'225'600'000'000'007);
        CHECK(batch.severity(0) == kSeverityWarn);
        CHECK(attr_json(batch, "fluent.tag") == "\"seyir.web\"");
        CHECK(attr_json(batch, "filename") == "\"/x.log\"");
        CHECK(attr_json(batch, "status") == "200");
        CHECK(attr_json(batch, "labels") == R"({"host":"h","service_name":"web"})");
        CHECK(fixture.output.health().ok);
    }

    TEST_CASE("nothing is delivered before the server says so") {
        ForwardServerFixture server;
        server.engine.answer_with(Engine::Answer::kKeep);
        OutputFixture fixture(output_to(server.input.local()[0]));
        auto future = fixture.deliver(view_of({"one"}));
        REQUIRE(eventually([&] { return server.engine.kept() == 1; }));
        CHECK(future.wait_for(0s) == std::future_status::timeout);
        server.engine.answer_kept(Outcome::kDelivered);
        REQUIRE(future.wait_for(20s) == std::future_status::ready);
        CHECK(future.get().outcome == Outcome::kDelivered);
    }

    TEST_CASE("a chunk the server could not make safe is to be sent again") {
        ForwardServerFixture server;
        server.engine.answer_with(Engine::Answer::kRetry);
        OutputFixture fixture(output_to(server.input.local()[0]));
        CHECK(fixture.report_of({"one"}).outcome == Outcome::kRetry);
        CHECK(!fixture.output.health().ok);
        server.engine.answer_with(Engine::Answer::kDelivered);
        CHECK(fixture.report_of({"one"}).outcome == Outcome::kDelivered);
        CHECK(fixture.output.health().ok);
        const auto batches = server.engine.batches();
        REQUIRE(batches.size() == 2);
        CHECK(batches[0]->provenance().push_hash == batches[1]->provenance().push_hash);
    }

    TEST_CASE("a shared key and a user open the server; a wrong key says so in health") {
        ForwardSetup server_setup = setup_for_tests();
        server_setup.shared_key = "key";
        server_setup.users = {{"ann", "password"}};
        ForwardServerFixture server(server_setup);
        ForwardOutputSetup setup = output_to(server.input.local()[0]);
        setup.user = {"ann", "password"};
        setup.shared_key = "key";
        {
            OutputFixture fixture(setup);
            CHECK(fixture.report_of({"one"}).outcome == Outcome::kDelivered);
        }
        setup.shared_key = "other";
        OutputFixture fixture(setup);
        CHECK(fixture.report_of({"two"}).outcome == Outcome::kRetry);
        CHECK(fixture.output.health().message.find("wrong shared key") != std::string::npos);
        CHECK(server.engine.rows() == 1);
    }

    TEST_CASE("over TLS both sides know whom they speak to") {
        const TempFolder folder;
        const CertificateFiles authority = make_authority(folder, "authority");
        const CertificateFiles server_files = make_leaf(folder, authority, "server", "127.0.0.1");
        const CertificateFiles client_files = make_leaf(folder, authority, "client", "client");
        const CertificateFiles stranger = make_authority(folder, "stranger");
        ForwardSetup server_setup = setup_for_tests();
        server_setup.tls = *net::TlsServerContext::load(
            {.cert = server_files.cert, .key = server_files.key, .client_ca = authority.cert}
        );
        ForwardServerFixture server(server_setup);
        ForwardOutputSetup setup = output_to(server.input.local()[0]);
        {
            setup.tls = *net::TlsClientContext::load(
                {.ca = authority.cert, .cert = client_files.cert, .key = client_files.key}
            );
            OutputFixture fixture(setup);
            CHECK(fixture.report_of({"one"}).outcome == Outcome::kDelivered);
        }
        {
            setup.tls = *net::TlsClientContext::load(
                {.ca = stranger.cert, .cert = client_files.cert, .key = client_files.key}
            );
            OutputFixture fixture(setup);
            CHECK(fixture.report_of({"two"}).outcome == Outcome::kRetry);
        }
        {
            setup.tls = *net::TlsClientContext::load({.ca = authority.cert});
            OutputFixture fixture(setup);
            CHECK(fixture.report_of({"three"}).outcome == Outcome::kRetry);
        }
        CHECK(server.engine.bodies() == std::vector<std::string>{"one"});
        CHECK(eventually([&] { return server.metric("refused_total", "tls") >= 1; }));
    }

    TEST_CASE("the next endpoint is tried when one fails") {
        ForwardServerFixture server;
        ForwardOutputSetup setup = output_to({.host = "127.0.0.1", .port = 1, .unix_path = ""});
        setup.endpoints.push_back(server.input.local()[0]);
        OutputFixture fixture(setup);
        CHECK(fixture.report_of({"one"}).outcome == Outcome::kRetry);
        CHECK(fixture.report_of({"one"}).outcome == Outcome::kDelivered);
    }

    TEST_CASE("a server that answers nonsense, the wrong chunk, or not at all") {
        PlainServer server;
        ForwardOutputSetup setup = output_to(server.endpoint());
        setup.ack_timeout = 200ms;
        OutputFixture fixture(setup);
        for (const std::string& answer :
             {"\xc1"s,
              "HTTP/1.1 400\r\n"s,
              "\x81\xa3"
              "ack\xa1x"s,
              ""s}) {
            std::thread serving([&] { server.serve_one(answer); });
            const DeliveryReport report = fixture.report_of({"one"});
            serving.join();
            CHECK(report.outcome == Outcome::kRetry);
            CHECK(!report.message.empty());
        }
    }

    TEST_CASE("a stop gives back what has no ack") {
        ForwardServerFixture server;
        server.engine.answer_with(Engine::Answer::kKeep);
        OutputFixture fixture(output_to(server.input.local()[0]));
        auto sent = fixture.deliver(view_of({"one"}));
        REQUIRE(eventually([&] { return server.engine.kept() == 1; }));
        auto queued = fixture.deliver(view_of({"two"}));
        fixture.output.stop(SteadyTime::min());
        REQUIRE(sent.wait_for(20s) == std::future_status::ready);
        REQUIRE(queued.wait_for(20s) == std::future_status::ready);
        CHECK(sent.get().outcome == Outcome::kRetry);
        CHECK(queued.get().outcome == Outcome::kRetry);
        CHECK(fixture.report_of({"three"}).outcome == Outcome::kRetry);
    }
}
