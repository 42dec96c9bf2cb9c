// SPDX-License-Identifier: Apache-2.0
// The forward input over real sockets: clients that behave, and clients that are wrong, hostile,
// slow or gone.
#include <filesystem>
#include <fstream>
#include <thread>

#include <doctest/doctest.h>

#include "common/codec/inflate.hpp"
#include "plugins/forward/handshake.hpp"
#include "test/support/eventually.hpp"
#include "test/support/temp_dir.hpp"
#include "test/unit/forward/forward_client.hpp"

using namespace seyir;
using namespace seyir::test;
using namespace seyir::plugins::forward;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

using Lines = std::vector<std::string>;

/// What the process holds in memory now.
size_t resident_bytes() {
    size_t pages = 0;
    size_t resident = 0;
    std::ifstream("/proc/self/statm") >> pages >> resident;
    return resident * 4096;
}

ForwardSetup secured() {
    ForwardSetup setup = setup_for_tests();
    setup.shared_key = "key";
    setup.users = {{"ann", "password"}};
    setup.hostname = "server";
    return setup;
}

/// The client's side of the handshake; what check_pong says.
Result<void> log_in(ForwardClient& client, const std::string& key, const User& user) {
    const auto helo_bytes = client.receive();
    REQUIRE(helo_bytes);
    const auto helo = read_helo(*helo_bytes);
    REQUIRE(helo);
    CHECK(helo->nonce.size() == 16);
    Ping ping{.hostname = "client", .salt = make_salt(), .user = user.name};
    ping.key_digest = key_digest(ping.salt, ping.hostname, helo->nonce, key);
    ping.password_digest = password_digest(helo->auth, user.name, user.password);
    std::string out;
    append_ping(out, ping);
    client.send(out);
    const auto pong_bytes = client.receive();
    REQUIRE(pong_bytes);
    const auto pong = read_pong(*pong_bytes);
    REQUIRE(pong);
    return check_pong(*pong, ping, helo->nonce, key);
}

}  // namespace

TEST_SUITE("plugins/input/forward") {
    TEST_CASE("a chunk is acknowledged after it is safe, and not before") {
        ForwardServerFixture server;
        server.engine.answer_with(Engine::Answer::kKeep);
        ForwardClient client(server.input.local()[0]);
        client.send(forward_message("app", {"one", "two"}, "chunk-1"));
        REQUIRE(eventually([&] { return server.engine.kept() == 1; }));
        CHECK(server.engine.bodies() == Lines{"one", "two"});
        CHECK(server.metric("acks_total") == 0);
        server.engine.answer_kept(Outcome::kDelivered);
        CHECK(client.receive_ack() == "chunk-1");
        CHECK(server.input.budget().held_bytes() == 0);
    }

    TEST_CASE("a chunk that is not safe gets no ack and ends the connection; sent again it is known"
    ) {
        ForwardServerFixture server;
        server.engine.answer_with(Engine::Answer::kRetry);
        const std::string chunk = forward_message("app", {"one"}, "chunk-1");
        ForwardClient first(server.input.local()[0]);
        first.send(chunk);
        CHECK(first.is_closed());
        server.engine.answer_with(Engine::Answer::kDelivered);
        ForwardClient second(server.input.local()[0]);
        second.send(chunk);
        CHECK(second.receive_ack() == "chunk-1");
        const auto batches = server.engine.batches();
        REQUIRE(batches.size() == 2);
        CHECK(!batches[0]->provenance().push_hash.is_zero());
        CHECK(batches[0]->provenance().push_hash == batches[1]->provenance().push_hash);
        CHECK(server.metric("unsafe_chunks_total") == 1);
    }

    TEST_CASE("rows given up on purpose count as answered: the client need not send them again") {
        ForwardServerFixture server;
        server.engine.answer_with(Engine::Answer::kDropped);
        ForwardClient client(server.input.local()[0]);
        client.send(forward_message("app", {"one"}, "c"));
        CHECK(client.receive_ack() == "c");
    }

    TEST_CASE("messages without a chunk are handed on again until they are safe") {
        ForwardServerFixture server;
        server.engine.answer_with(Engine::Answer::kRetry);
        ForwardClient client(server.input.local()[0]);
        client.send(forward_message("app", {"one"}));
        REQUIRE(eventually([&] { return server.engine.rows() >= 2; }));
        server.engine.answer_with(Engine::Answer::kDelivered);
        REQUIRE(eventually([&] { return server.input.budget().held_bytes() == 0; }));
        CHECK(server.engine.bodies().back() == "one");
        CHECK(server.metric("resubmitted_rows_total") >= 1);
        CHECK(server.engine.batches()[0]->provenance().push_hash.is_zero());
    }

    TEST_CASE("all carrier modes arrive over one connection, in any pieces") {
        ForwardServerFixture server;
        const std::string entries = packed_entries({"a", "b"});
        const std::string all = std::string("\xc0") + forward_message("app", {"1"}) +
                                packed_message(entries) +
                                packed_message(codec::gzip_deflate(entries), "gzip") +
                                packed_message(
                                    codec::gzip_deflate(packed_entries({"x"})) +
                                        codec::gzip_deflate(packed_entries({"y"})),
                                    "gzip",
                                    "last"
                                );
        const Lines expected{"1", "a", "b", "a", "b", "x", "y"};
        SUBCASE("at once") {
            ForwardClient client(server.input.local()[0]);
            client.send(all);
            CHECK(client.receive_ack() == "last");
            CHECK(server.engine.bodies() == expected);
        }
        SUBCASE("byte by byte") {
            ForwardClient client(server.input.local()[0]);
            for (const char c : all) {
                client.send({&c, 1});
            }
            CHECK(client.receive_ack() == "last");
            CHECK(server.engine.bodies() == expected);
        }
        SUBCASE("and the client ends its side before the ack") {
            ForwardClient client(server.input.local()[0]);
            client.send(all);
            client.finish_sending();
            CHECK(client.receive_ack() == "last");
            CHECK(client.is_closed());
            CHECK(server.engine.bodies() == expected);
        }
    }

    TEST_CASE("a message larger than a batch arrives whole under one ack") {
        ForwardSetup setup = setup_for_tests();
        setup.rows.limits.batch_rows_max = 1000;
        ForwardServerFixture server(setup);
        Lines lines;
        for (int i = 0; i < 25'000; ++i) {
            lines.push_back("line " + std::to_string(i) + std::string(100, '.'));
        }
        ForwardClient client(server.input.local()[0]);
        client.send(forward_message("app", lines, "big"));
        CHECK(client.receive_ack() == "big");
        CHECK(server.engine.bodies() == lines);
        const auto batches = server.engine.batches();
        CHECK(batches.size() == 25);
        CHECK(batches[0]->provenance().push_hash != batches[1]->provenance().push_hash);
        CHECK(server.input.budget().held_bytes() == 0);
    }

    TEST_CASE("a unix socket takes messages too") {
        TempDir dir;
        ForwardSetup setup = setup_for_tests();
        setup.listen = {{.host = "", .port = 0, .unix_path = dir.path() + "/forward.sock"}};
        ForwardServerFixture server(setup);
        ForwardClient client(server.input.local()[0]);
        client.send(forward_message("app", {"one"}, "c"));
        CHECK(client.receive_ack() == "c");
    }

    TEST_CASE("with a shared key and users only those who know both may send") {
        ForwardServerFixture server(secured());
        const net::Endpoint where = server.input.local()[0];
        {
            ForwardClient client(where);
            CHECK(log_in(client, "key", {"ann", "password"}));
            client.send(forward_message("app", {"one"}, "c"));
            CHECK(client.receive_ack() == "c");
        }
        {
            ForwardClient client(where);
            const auto refused = log_in(client, "other", {"ann", "password"});
            REQUIRE(!refused);
            CHECK(refused.error().message == "refused: wrong shared key");
            CHECK(client.is_closed());
        }
        {
            ForwardClient client(where);
            CHECK(!log_in(client, "key", {"ann", "guess"}));
            CHECK(client.is_closed());
        }
        {
            ForwardClient client(where);  // does not wait for HELO
            client.send(forward_message("app", {"stolen"}, "c"));
            REQUIRE(client.receive());
            CHECK(client.is_closed());
        }
        CHECK(server.engine.bodies() == Lines{"one"});
        CHECK(server.metric("refused_total", "unauthorized") == 2);
        CHECK(server.metric("refused_total", "bad_ping") == 1);
    }

    TEST_CASE("a stop answers what is under way and takes nothing new") {
        ForwardServerFixture server;
        server.engine.answer_with(Engine::Answer::kKeep);
        ForwardClient client(server.input.local()[0]);
        client.send(forward_message("app", {"one"}, "c"));
        REQUIRE(eventually([&] { return server.engine.kept() == 1; }));
        server.input.stop();
        client.send(forward_message("app", {"two"}, "d"));
        server.engine.answer_kept(Outcome::kDelivered);
        std::vector<std::string> acks;
        while (const auto ack = client.receive_ack()) {
            acks.push_back(*ack);
        }
        CHECK(acks.size() <= 1);  // closing on unread bytes may cut the ack off: sent again, known
        CHECK(server.engine.bodies() == Lines{"one"});
    }
}

TEST_SUITE("plugins/input/forward/hostile") {
    TEST_CASE("what is no forward message ends its connection only, told apart by reason") {
        ForwardServerFixture server;
        const std::vector<std::pair<std::string, std::string>> bad{
            {"{\"log\":\"x\"}", "json"},
            {"GET / HTTP/1.1\r\n\r\n", "bad_message"},
            {"\x16\x03\x01\x02", "tls_on_plain"},
            {"\x91\xa1x", "bad_message"},
            {"\x92\xa1x\xc1", "bad_message"},
            {"\xdd\xff\xff\xff\xff", "message_too_large"},
            {"\x92\xa1x\xc6\x7f\xff\xff\xff", "message_too_large"},
            {packed_message("\x1f\x8b no gzip", "gzip"), "bad_message"},
            {std::string("\x93\xa1x\x90\x81\xad") + "fluent_signal\x01", "not_logs"},
        };
        ForwardClient good(server.input.local()[0]);
        for (const auto& [bytes, reason] : bad) {
            const double before = server.metric("refused_total", reason);
            ForwardClient client(server.input.local()[0]);
            client.send(bytes);
            CHECK_MESSAGE(client.is_closed(), reason);
            CHECK_MESSAGE(
                eventually([&] { return server.metric("refused_total", reason) == before + 1; }),
                reason
            );
        }
        good.send(forward_message("app", {"still here"}, "c"));
        CHECK(good.receive_ack() == "c");
        CHECK(server.engine.rows() == 1);
    }

    TEST_CASE("good messages before a bad one are kept and acknowledged") {
        ForwardServerFixture server;
        ForwardClient client(server.input.local()[0]);
        client.send(forward_message("app", {"one"}, "c") + "\xc1");
        CHECK(client.receive_ack() == "c");
        CHECK(client.is_closed());
    }

    TEST_CASE("a client that trickles is cut off, before and after it is known") {
        SUBCASE("without a PING") {
            ForwardSetup setup = secured();
            setup.handshake_timeout = 100ms;
            ForwardServerFixture server(setup);
            ForwardClient client(server.input.local()[0]);
            REQUIRE(client.receive());  // HELO
            client.send("\x96");
            CHECK(client.is_closed());
            CHECK(eventually([&] { return server.metric("refused_total", "no_ping") == 1; }));
        }
        SUBCASE("within a message") {
            ForwardSetup setup = setup_for_tests();
            setup.message_timeout = 100ms;
            ForwardServerFixture server(setup);
            ForwardClient client(server.input.local()[0]);
            client.send("\x92\xa3");
            CHECK(client.is_closed());
            CHECK(eventually([&] { return server.metric("refused_total", "slow") == 1; }));
        }
        SUBCASE("but one that is silent between messages is left alone") {
            ForwardSetup setup = setup_for_tests();
            setup.message_timeout = 50ms;
            ForwardServerFixture server(setup);
            ForwardClient client(server.input.local()[0]);
            ForwardClient slow(server.input.local()[0]);
            slow.send("\x92");
            CHECK(slow.is_closed());  // longer than the time-out has passed
            client.send(forward_message("app", {"one"}, "c"));
            CHECK(client.receive_ack() == "c");
        }
    }

    TEST_CASE("a PING of more than 4 KiB is not read to its end") {
        ForwardServerFixture server(secured());
        ForwardClient client(server.input.local()[0]);
        REQUIRE(client.receive());
        client.send("\x96\xdb\x00\x10\x00\x00"s);
        CHECK(client.is_closed());
        CHECK(eventually([&] { return server.metric("refused_total", "bad_ping") == 1; }));
    }

    TEST_CASE("bombs cost the sender its connection and us no memory") {
        ForwardSetup setup = setup_for_tests();
        setup.message_bytes_max = 1 * kMiB;
        setup.inflated_bytes_max = 2 * kMiB;
        ForwardServerFixture server(setup);
        const std::string bomb = codec::gzip_deflate(std::string(64 * kMiB, '\xc0'));
        const size_t before = resident_bytes();
        for (int i = 0; i < 4; ++i) {
            ForwardClient client(server.input.local()[0]);
            client.send(packed_message(bomb, "gzip", "c"));
            CHECK(client.is_closed());
        }
        CHECK(resident_bytes() < before + 64 * kMiB);
        CHECK(eventually([&] { return server.metric("refused_total", "inflates_too_far") == 4; }));
        CHECK(eventually([&] { return server.input.budget().held_bytes() == 0; }));
    }

    TEST_CASE("a million tiny entries with a million names stay within the budget") {
        ForwardSetup setup = setup_for_tests();
        setup.in_flight_bytes_max = 16 * kMiB;
        setup.message_bytes_max = 32 * kMiB;
        ForwardServerFixture server(setup);
        std::string entries;
        codec::MsgpackWriter to(entries);
        constexpr int kEntries = 300'000;
        for (int i = 0; i < kEntries; ++i) {
            to.array(2);
            to.integer(1);
            to.map(2);
            to.str("log");
            to.str("");
            to.str("key" + std::to_string(i));
            to.nil();
        }
        const size_t before = resident_bytes();
        ForwardClient client(server.input.local()[0]);
        client.send(packed_message(entries, "", "c"));
        CHECK(client.receive_ack() == "c");
        CHECK(server.engine.rows() == kEntries);
        // The test's engine keeps all batches: the bound is theirs, not the input's.
        CHECK(resident_bytes() < before + 512 * kMiB);
    }

    TEST_CASE("while outputs take nothing, clients are not read beyond the budget") {
        ForwardSetup setup = setup_for_tests();
        setup.message_bytes_max = 256 * kKiB;
        setup.in_flight_bytes_max = 1 * kMiB;
        ForwardServerFixture server(setup);
        server.engine.answer_with(Engine::Answer::kKeep);
        const std::string message = forward_message("app", Lines(100, std::string(1000, 'x')));
        std::thread sender([&] {
            ForwardClient client(server.input.local()[0]);
            for (int i = 0; i < 300; ++i) {
                if (!client.send(message)) {
                    break;
                }
            }
        });
        REQUIRE(eventually([&] { return !server.input.health().ok; }));
        CHECK(server.engine.rows() < 2500);
        CHECK(server.input.budget().held_bytes() < 2 * kMiB);
        server.engine.answer_with(Engine::Answer::kDelivered);
        server.engine.answer_kept(Outcome::kDelivered);
        sender.join();
        CHECK(eventually([&] { return server.engine.rows() == 30'000; }));
        CHECK(eventually([&] { return server.input.health().ok; }));
    }

    TEST_CASE("long messages that all stop half-way cannot block a whole one for ever") {
        ForwardSetup setup = setup_for_tests();
        setup.message_bytes_max = 1 * kMiB;
        setup.in_flight_bytes_max = 2 * kMiB;
        setup.message_timeout = 300ms;
        ForwardServerFixture server(setup);
        const std::string message =
            forward_message("app", Lines(500, std::string(1000, 'x')), "whole");
        std::vector<std::unique_ptr<ForwardClient>> half;
        for (int i = 0; i < 8; ++i) {
            half.push_back(std::make_unique<ForwardClient>(server.input.local()[0]));
            half.back()->send(std::string_view(message).substr(0, 200'000));
        }
        ForwardClient client(server.input.local()[0]);
        client.send(message);
        CHECK(client.receive_ack() == "whole");
        CHECK(server.input.budget().held_bytes() <= 2 * kMiB + 64 * kKiB);
    }

    TEST_CASE("a client that does not read its acks is not read either") {
        ForwardServerFixture server;
        ForwardClient client(server.input.local()[0]);
        client.set_send_timeout(1s);
        const std::string id(1000, 'i');
        std::string messages;
        for (int i = 0; i < 100; ++i) {
            messages += forward_message("app", {}, id);
        }
        uint64_t sent_bytes = 0;
        while (sent_bytes < 512 * kMiB && client.send(messages)) {
            sent_bytes += messages.size();
        }
        CHECK(sent_bytes < 64 * kMiB);  // sockets' own buffers
        ForwardClient other(server.input.local()[0]);
        other.send(forward_message("app", {"one"}, "c"));
        CHECK(other.receive_ack() == "c");
    }

    TEST_CASE("connections beyond the limit are closed and counted") {
        ForwardSetup setup = setup_for_tests();
        setup.connections_max = 2;
        ForwardServerFixture server(setup);
        ForwardClient one(server.input.local()[0]);
        ForwardClient two(server.input.local()[0]);
        one.send(forward_message("app", {"x"}, "1"));
        two.send(forward_message("app", {"x"}, "2"));
        CHECK(one.receive_ack());
        CHECK(two.receive_ack());
        ForwardClient three(server.input.local()[0]);
        CHECK(three.is_closed());
        CHECK(server.metric("refused_total", "connections_max") == 1);
    }

    TEST_CASE("a client that goes in the middle of a message is counted, its rows are not taken") {
        ForwardServerFixture server;
        {
            ForwardClient client(server.input.local()[0]);
            const std::string message = forward_message("app", {"one"});
            client.send(message.substr(0, message.size() - 1));
        }
        CHECK(eventually([&] { return server.metric("refused_total", "cut_short") == 1; }));
        CHECK(server.engine.rows() == 0);
    }
}
