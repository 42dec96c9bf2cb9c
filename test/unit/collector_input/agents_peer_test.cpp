// SPDX-License-Identifier: Apache-2.0
// The agents input against peers that are wrong, hostile, silent or twice there, byte by byte.
#include <random>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "collector/input/agents/agents_input.hpp"
#include "common/record/batch_codec.hpp"
#include "common/wire/message_splitter.hpp"
#include "test/support/cutting_proxy.hpp"
#include "test/support/eventually.hpp"
#include "test/support/memory_log_store.hpp"
#include "test/support/metric_batch.hpp"

using namespace seyir;
using namespace seyir::test;
using collector::input::AgentsInput;
using collector::input::AgentsSetup;

namespace {

AgentsSetup setup_for_tests() {
    AgentsSetup setup;
    setup.listen = {.host = "127.0.0.1", .port = 0, .unix_path = ""};
    std::vector<net::TokenRule> rules;
    for (const std::string& secret : {std::string("secret"), std::string("older")}) {
        rules.push_back(
            {.name = secret, .sha256_hex = net::sha256_hex(secret), .scopes = {net::Scope::kIngest}}
        );
    }
    setup.authenticator = *net::Authenticator::build(std::move(rules));
    setup.probe_timeout = std::chrono::milliseconds(200);
    setup.hello_timeout = std::chrono::seconds(5);
    return setup;
}

/// The input in front of a store, without an engine.
struct Server {
    explicit Server(AgentsSetup setup = setup_for_tests())
        : input(std::move(setup), store, io::system_clock(), registry) {
        REQUIRE(input.start([this](RecordBatchPtr batch) { append(std::move(batch)); }));
    }

    void append(RecordBatchPtr batch) {
        auto token = std::make_shared<AckToken>(batch->take_ack());
        const auto rows = static_cast<uint32_t>(batch->row_count());
        store.append({0, {std::move(batch), {}}}, [token, rows](Result<store::Durable> durable) {
            token->resolve(
                durable ? DeliveryReport::delivered(rows)
                        : DeliveryReport::retry(durable.error().message)
            );
        });
    }

    uint64_t refused(const std::string& reason) { return input.status().refused[reason]; }

    store::MemoryLogStore store;
    metrics::Registry registry;
    AgentsInput input;
};

/// An agent made of a plain socket.
class Peer {
  public:
    explicit Peer(const AgentsInput& input) : socket_(connect_loopback(input.local().port)) {
        REQUIRE(socket_ >= 0);
        splitter_.trust();
    }

    ~Peer() { ::close(socket_); }

    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    void send(const std::string& bytes) {
        ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }

    void finish_sending() { ::shutdown(socket_, SHUT_WR); }

    /// The next message but pings; nothing when the collector has closed the connection.
    std::optional<std::pair<wire::MessageType, std::string>> receive() {
        while (true) {
            const auto message = splitter_.next();
            REQUIRE(message);
            if (message->has_value()) {
                return std::pair((*message)->type, std::string((*message)->body));
            }
            pollfd readable{socket_, POLLIN, 0};
            REQUIRE(::poll(&readable, 1, 20'000) == 1);
            const auto room = splitter_.prepare(64 * 1024);
            const ssize_t bytes = ::recv(socket_, room.data(), room.size(), 0);
            if (bytes <= 0) {
                return std::nullopt;
            }
            splitter_.commit(static_cast<size_t>(bytes));
        }
    }

    wire::Refuse expect_refusal() {
        const auto message = receive();
        REQUIRE(message);
        REQUIRE(message->first == wire::MessageType::kRefuse);
        return *wire::decode_refuse(message->second);
    }

    wire::Welcome expect_welcome() {
        const auto message = receive();
        REQUIRE(message);
        REQUIRE(message->first == wire::MessageType::kWelcome);
        return *wire::decode_welcome(message->second);
    }

  private:
    int socket_;
    wire::MessageSplitter splitter_;
};

std::string hello(uint64_t agent = 1, uint64_t nonce = 1, const std::string& token = "secret") {
    wire::Hello message;
    message.agent = {agent, 1};
    message.process_nonce = nonce;
    message.token = token;
    message.hostname = "web1";
    std::string out;
    wire::append_preface(out);
    wire::append_message(out, message);
    return out;
}

EncodedBatch payload() {
    RecordBatch batch;
    batch.add_stream(*StreamLabels::make({{"host", "h"}}));
    batch.add_position({.key = {{5, 5}, 0}, .end = 5});
    batch.append_row({.ts = {1}, .origin = 0, .body = "line"});
    return *encode_batch(
        {std::make_shared<const RecordBatch>(std::move(batch)), {}}, PayloadCodec::kNone
    );
}

std::string frame(uint32_t epoch, uint64_t seq, const EncodedBatch& encoded) {
    std::string out;
    wire::append_frame_header(
        out,
        {.codec = encoded.codec,
         .epoch = epoch,
         .seq = seq,
         .rows = 1,
         .min_ts = {1},
         .max_ts = {1},
         .raw_bytes = encoded.raw_bytes,
         .wire_bytes = static_cast<uint32_t>(encoded.bytes->size()),
         .xxh3 = encoded.xxh3}
    );
    return out + *encoded.bytes;
}

}  // namespace

TEST_SUITE("collector/input/agents") {
    TEST_CASE("a frame is answered and the epoch of each connection is higher") {
        Server server;
        uint32_t before = 0;
        for (uint64_t turn = 1; turn <= 2; ++turn) {
            Peer peer(server.input);
            peer.send(hello(1, turn == 1 ? 1 : 2, turn == 1 ? "secret" : "older"));
            const wire::Welcome welcome = peer.expect_welcome();
            CHECK(welcome.epoch > before);
            CHECK(welcome.credit_bytes == 16 * kMiB);
            before = welcome.epoch;
            peer.send(frame(welcome.epoch, 1, payload()));
            const auto answer = peer.receive();
            REQUIRE(answer);
            const auto ack = wire::decode_ack(answer->second);
            REQUIRE(ack);
            CHECK(ack->seq == 1);
            CHECK(ack->outcome == Outcome::kDelivered);
        }
        CHECK(server.store.stats().records == 1);
    }

    TEST_CASE("a wrong or missing token is refused by name and the connection closed") {
        Server server;
        for (const std::string& token : {std::string("wrong"), std::string()}) {
            Peer peer(server.input);
            peer.send(hello(1, 1, token));
            const wire::Refuse refuse = peer.expect_refusal();
            CHECK(refuse.code == wire::RefuseCode::kBadToken);
            CHECK(refuse.message.starts_with(token.empty() ? "no token given" : "wrong token"));
            peer.finish_sending();
            CHECK_FALSE(peer.receive());
        }
        CHECK(server.refused("bad_token") == 2);
        CHECK(server.registry.text().find("reason=\"bad_token\"} 2") != std::string::npos);
    }

    TEST_CASE("another protocol, another version and a frame before the hello are refused") {
        Server server;
        Peer http(server.input);
        http.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK(http.expect_refusal().message.find("not the agent protocol") != std::string::npos);
        std::string later = hello();
        later[4] = 9;
        Peer version(server.input);
        version.send(later);
        const wire::Refuse refuse = version.expect_refusal();
        CHECK(refuse.code == wire::RefuseCode::kVersion);
        CHECK(refuse.message.find("version 9.0") != std::string::npos);
        std::string early;
        wire::append_preface(early);
        Peer eager(server.input);
        eager.send(early + frame(1, 1, payload()));
        CHECK(eager.expect_refusal().code == wire::RefuseCode::kBadMessage);
        CHECK(server.store.stats().records == 0);
    }

    TEST_CASE("a later minor version is served") {
        Server server;
        std::string minor = hello();
        minor[5] = 7;
        Peer peer(server.input);
        peer.send(minor);
        CHECK(peer.expect_welcome().epoch > 0);
    }

    TEST_CASE("a corrupt, truncated, oversized or misnumbered frame is refused before any answer") {
        Server server;
        const EncodedBatch good = payload();
        const auto refusal_of = [&](auto&& bytes_of) {
            Peer peer(server.input);
            peer.send(hello());
            const uint32_t epoch = peer.expect_welcome().epoch;
            peer.send(bytes_of(epoch));
            peer.finish_sending();
            return peer.expect_refusal().message;
        };
        const auto corrupt = refusal_of([&](uint32_t epoch) {
            std::string bytes = frame(epoch, 1, good);
            bytes.back() ^= 1;
            return bytes;
        });
        CHECK(corrupt.find("XXH3") != std::string::npos);
        CHECK(corrupt.find("frame 1 before byte ") == 0);
        const auto truncated = refusal_of([&](uint32_t epoch) {
            const std::string bytes = frame(epoch, 1, good);
            return bytes.substr(0, bytes.size() - 3);
        });
        CHECK(truncated.find("bytes into a message") != std::string::npos);
        const auto oversized = refusal_of([&](uint32_t epoch) {
            std::string bytes = frame(epoch, 1, good);
            bytes[7] = 1;  // 16 MiB and more
            return bytes;
        });
        CHECK(oversized.find("limit") != std::string::npos);
        const auto old_epoch =
            refusal_of([&](uint32_t epoch) { return frame(epoch - 1, 1, good); });
        CHECK(old_epoch.find("epoch") != std::string::npos);
        const auto seq_zero = refusal_of([&](uint32_t epoch) { return frame(epoch, 0, good); });
        CHECK(seq_zero.find("seq") != std::string::npos);
        CHECK(server.store.stats().records == 0);
        Peer peer(server.input);
        peer.send(hello());
        peer.expect_welcome();
    }

    TEST_CASE("frames of samples: the welcome says they are taken, and only sound ones are") {
        const auto metrics = [](const std::string& body) {
            MetricFrame made{.ts = {1}, .body = body};
            made.agent = {};
            return *encode_batch({made.build(), {}}, PayloadCodec::kNone);
        };
        const auto metric_frame = [](uint32_t epoch, const EncodedBatch& encoded) {
            std::string out = frame(epoch, 1, encoded);
            out[wire::kMessageHeaderBytes + 1] = static_cast<char>(wire::FrameKind::kMetrics);
            return out;
        };
        Server server;
        {
            Peer peer(server.input);
            peer.send(hello());
            const wire::Welcome welcome = peer.expect_welcome();
            CHECK((welcome.features & wire::kTakesMetrics) != 0);
            peer.send(metric_frame(welcome.epoch, metrics("")));
            const auto answer = peer.receive();
            REQUIRE(answer);
            REQUIRE(answer->first == wire::MessageType::kAck);
            CHECK(wire::decode_ack(answer->second)->accepted == 1);
            CHECK(
                server.registry.text().find("metric_rows_total{input=\"agents\"} 1\n") !=
                std::string::npos
            );
            CHECK(server.input.status().agents.at(0).rows == 0);
        }
        const std::pair<bool, EncodedBatch> wrong[] = {
            {true, metrics("no samples")},  // not what its kind says
            {true, payload()},              // records in a frame of samples
            {false, metrics("")},           // samples in a frame of records
        };
        for (const auto& [is_metrics, encoded] : wrong) {
            Peer peer(server.input);
            peer.send(hello());
            const uint32_t epoch = peer.expect_welcome().epoch;
            peer.send(is_metrics ? metric_frame(epoch, encoded) : frame(epoch, 1, encoded));
            CHECK(peer.expect_refusal().code == wire::RefuseCode::kBadMessage);
        }
    }

    TEST_CASE("random bytes at any point never bring the input down") {
        Server server;
        for (uint64_t seed = 1; seed <= 30; ++seed) {
            CAPTURE(seed);
            std::mt19937_64 random(seed);
            std::string bytes = hello(seed) + frame(1, 1, payload());
            for (int i = 0; i < 4; ++i) {
                bytes[8 + random() % (bytes.size() - 8)] ^= static_cast<char>(1 + random() % 255);
            }
            Peer peer(server.input);
            peer.send(bytes);
            peer.finish_sending();
            while (peer.receive()) {
            }
        }
        Peer peer(server.input);
        peer.send(hello());
        peer.expect_welcome();
    }

    TEST_CASE("the live owner of an id keeps it when it answers a ping, the newcomer may only ask"
    ) {
        Server server;
        Peer owner(server.input);
        owner.send(hello(1, 1));
        const uint32_t epoch = owner.expect_welcome().epoch;
        owner.send(frame(epoch, 1, payload()));
        CHECK(owner.receive()->first == wire::MessageType::kAck);
        Peer newcomer(server.input);
        newcomer.send(hello(1, 2));
        const auto ping = owner.receive();
        REQUIRE(ping->first == wire::MessageType::kPing);
        std::string pong;
        wire::append_pong(pong, *wire::decode_ping(ping->second));
        owner.send(pong);
        CHECK(newcomer.expect_refusal().code == wire::RefuseCode::kInUse);
        std::string ask;
        wire::append_message(ask, wire::Ask{4, {{{5, 5}, 0}}});
        newcomer.send(ask);
        const auto answer = newcomer.receive();
        REQUIRE(answer->first == wire::MessageType::kCommitted);
        CHECK(wire::decode_committed(answer->second)->lanes.at(0).committed == 5);
        newcomer.send(frame(epoch, 1, payload()));
        CHECK(newcomer.expect_refusal().code == wire::RefuseCode::kBadMessage);
    }

    TEST_CASE("an owner that answers no ping is fenced and its frames count no more") {
        Server server;
        Peer silent(server.input);
        silent.send(hello(1, 1));
        const uint32_t epoch = silent.expect_welcome().epoch;
        Peer newcomer(server.input);
        newcomer.send(hello(1, 2));
        CHECK(newcomer.expect_welcome().epoch > epoch);
        CHECK(silent.receive()->first == wire::MessageType::kPing);
        CHECK(silent.expect_refusal().code == wire::RefuseCode::kFenced);
        silent.send(frame(epoch, 1, payload()));
        CHECK_FALSE(silent.receive());
        CHECK(server.store.stats().records == 0);
    }

    TEST_CASE("the same process that reconnects fences its old connection at once") {
        Server server;
        Peer before(server.input);
        before.send(hello(1, 7));
        before.expect_welcome();
        Peer after(server.input);
        after.send(hello(1, 7));
        after.expect_welcome();
        CHECK(before.expect_refusal().code == wire::RefuseCode::kFenced);
    }

    TEST_CASE("a connection that says nothing is closed at the hello's deadline") {
        AgentsSetup setup = setup_for_tests();
        setup.hello_timeout = std::chrono::milliseconds(50);
        Server server(setup);
        Peer peer(server.input);
        CHECK_FALSE(peer.receive());
        CHECK(eventually([&] { return server.refused("no_hello") == 1; }));
    }

    TEST_CASE("after stop no frame is taken and connections end with a goodbye") {
        Server server;
        Peer peer(server.input);
        peer.send(hello());
        const uint32_t epoch = peer.expect_welcome().epoch;
        server.input.stop();
        peer.send(frame(epoch, 1, payload()));
        CHECK(peer.receive()->first == wire::MessageType::kGoodbye);
        CHECK(server.store.stats().records == 0);
    }

    TEST_CASE("connections beyond the limit are closed and counted") {
        AgentsSetup setup = setup_for_tests();
        setup.connections_max = 1;
        Server server(setup);
        Peer first(server.input);
        first.send(hello());
        first.expect_welcome();
        Peer second(server.input);
        CHECK_FALSE(second.receive());
        CHECK(server.refused("connections_max") == 1);
    }
}
