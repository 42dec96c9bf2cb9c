// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <cstring>
#include <random>

#include <doctest/doctest.h>

#include "common/io/file_system.hpp"
#include "common/record/batch_codec.hpp"
#include "common/wire/message_splitter.hpp"
#include "common/wire/messages.hpp"
#include "test/support/replay_corpus.hpp"

using namespace seyir;
using namespace seyir::wire;

namespace {

const std::string kRoot = SEYIR_SOURCE_ROOT;

Hello example_hello() {
    return {
        .agent = {0x0102030405060708, 0x1112131415161718},
        .process_nonce = 0x2122232425262728,
        .features = 0,
        .machine = {0x3132333435363738, 0x4142434445464748},
        .token = "secret",
        .hostname = "web1",
        .agent_version = "0.1.0",
    };
}

Ack example_ack() {
    Ack ack;
    ack.seq = 7;
    ack.outcome = Outcome::kRewind;
    ack.accepted = 90;
    ack.duplicate = 5;
    ack.rejected = {{"too_old", 3}};
    ack.lanes = {{{{1, 2}, 3}, LaneVerdict::Kind::kGap, 400, 0xabcd}};
    ack.message = "resume at 400";
    return ack;
}

/// Every message once, as docs/format/wire.md lists them.
std::string example_conversation() {
    std::string out;
    append_preface(out);
    append_message(out, example_hello());
    append_message(out, Welcome{{1, 2}, 3, 4, 16 << 20, 0, 4 << 20, "0.1.0"});
    append_message(out, Refuse{RefuseCode::kInUse, 5000, "another agent with this id is running"});
    append_message(out, Ask{9, {{{1, 2}, 3}, {{4, 5}, 0}}});
    append_message(out, Committed{9, {1, 2}, 3, {{true, 400, 0xabcd}, {}}});
    const std::string payload = "not a real payload";
    append_frame_header(
        out,
        {.kind = FrameKind::kLogs,
         .codec = PayloadCodec::kLz4,
         .epoch = 4,
         .seq = 7,
         .rows = 98,
         .min_ts = {1'767'225'600'000'000'000},
         .max_ts = {1'767'225'600'000'000'097},
         .raw_bytes = 12'345,
         .wire_bytes = static_cast<uint32_t>(payload.size()),
         .xxh3 = 0x1234567890abcdef}
    );
    out += payload;
    append_message(out, example_ack());
    append_message(out, Throttle{250, 8 << 20});
    append_message(out, Event{{1'767'225'600'000'000'000}, "lane_forked", "machine-id changed"});
    append_ping(out, 77);
    append_pong(out, 77);
    append_message(out, Goodbye{"shutting down"});
    return out;
}

void feed(MessageSplitter& splitter, std::string_view bytes) {
    const auto room = splitter.prepare(bytes.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    splitter.commit(bytes.size());
}

}  // namespace

TEST_SUITE("common/wire") {
    TEST_CASE("the conversation of the format page has exactly its bytes") {
        const std::string path = kRoot + "/test/golden/wire_v1.bin";
        if (std::getenv("SEYIR_WRITE_GOLDEN") != nullptr) {
            auto& fs = io::posix_file_system();
            REQUIRE(io::write_file_atomically(fs, path, example_conversation()));
            const std::string corpus = kRoot + "/test/fuzz/corpus/wire";
            REQUIRE(fs.make_directories(corpus));
            REQUIRE(io::write_file_atomically(fs, corpus + "/conversation", example_conversation())
            );
        }
        const auto golden = io::read_file(io::posix_file_system(), path, 1 << 20);
        REQUIRE(golden);
        CHECK(example_conversation() == *golden);
    }

    TEST_CASE(
        "hello and welcome end with the sender's time, which older peers neither give nor read"
    ) {
        Hello hello = example_hello();
        hello.sent_at = {1'767'225'600'000'000'000};
        Welcome welcome{{1, 2}, 3, 4, 16 << 20, 0, 4 << 20, "0.1.0"};
        welcome.sent_at = {1'767'225'600'250'000'000};
        std::string bytes;
        append_message(bytes, hello);
        append_message(bytes, welcome);
        std::string without;
        append_message(without, example_hello());
        const std::string golden = kRoot + "/test/golden/wire_v1_times.bin";
        if (std::getenv("SEYIR_WRITE_GOLDEN") != nullptr) {
            REQUIRE(io::write_file_atomically(io::posix_file_system(), golden, bytes));
        }
        CHECK(bytes == *io::read_file(io::posix_file_system(), golden, 1 << 20));

        const std::string_view body = std::string_view(bytes).substr(
            kMessageHeaderBytes, without.size() - kMessageHeaderBytes + 8
        );
        CHECK(*decode_hello(body) == hello);
        for (size_t cut = 1; cut <= 8; ++cut) {
            CHECK(*decode_hello(body.substr(0, body.size() - cut)) == example_hello());
        }
        CHECK(
            body.substr(0, body.size() - 8) == std::string_view(without).substr(kMessageHeaderBytes)
        );
        const std::string_view second =
            std::string_view(bytes).substr(2 * kMessageHeaderBytes + body.size());
        CHECK(*decode_welcome(second) == welcome);
    }

    TEST_CASE("the difference of two clocks is bounded, whatever a peer says") {
        using namespace std::chrono_literals;
        const UnixNanos now{1'767'225'600'000'000'000};
        CHECK(clock_skew(now + 1h, now) == 1h);
        CHECK(clock_skew(now - 1h, now) == -1h);
        CHECK(clock_skew(UnixNanos::max(), UnixNanos::min()) == 36'525 * 24h);
        CHECK(clock_skew(UnixNanos::min(), UnixNanos::max()) == -36'525 * 24h);
    }

    TEST_CASE("messages arriving one byte at a time come out whole, in order and equal") {
        const std::string bytes = example_conversation();
        MessageSplitter splitter;
        splitter.trust();
        std::vector<MessageType> seen;
        for (const char byte : bytes) {
            feed(splitter, std::string_view(&byte, 1));
            const auto message = splitter.next();
            REQUIRE(message);
            if (!message->has_value()) {
                continue;
            }
            seen.push_back((*message)->type);
            const std::string_view body = (*message)->body;
            switch ((*message)->type) {
                case MessageType::kHello:
                    CHECK(*decode_hello(body) == example_hello());
                    break;
                case MessageType::kWelcome:
                    CHECK(
                        *decode_welcome(body) ==
                        Welcome{{1, 2}, 3, 4, 16 << 20, 0, 4 << 20, "0.1.0"}
                    );
                    break;
                case MessageType::kRefuse:
                    CHECK(decode_refuse(body)->code == RefuseCode::kInUse);
                    CHECK(decode_refuse(body)->retry_after_ms == 5000);
                    break;
                case MessageType::kAsk:
                    CHECK(decode_ask(body)->lanes.size() == 2);
                    break;
                case MessageType::kCommitted:
                    CHECK(decode_committed(body)->lanes[0].known);
                    break;
                case MessageType::kFrame:
                    CHECK(decode_frame(body)->payload == "not a real payload");
                    CHECK(decode_frame(body)->header.rows == 98);
                    break;
                case MessageType::kAck: {
                    const auto ack = decode_ack(body);
                    REQUIRE(ack);
                    CHECK(ack->outcome == Outcome::kRewind);
                    CHECK(ack->rejected == example_ack().rejected);
                    REQUIRE(ack->lanes.size() == 1);
                    CHECK(ack->lanes[0].committed == 400);
                    CHECK(ack->lanes[0].kind == LaneVerdict::Kind::kGap);
                    break;
                }
                case MessageType::kThrottle:
                    CHECK(decode_throttle(body)->retry_after_ms == 250);
                    break;
                case MessageType::kEvent:
                    CHECK(decode_event(body)->kind == "lane_forked");
                    break;
                case MessageType::kPing:
                case MessageType::kPong:
                    CHECK(*decode_ping(body) == 77);
                    break;
                case MessageType::kGoodbye:
                    CHECK(decode_goodbye(body)->reason == "shutting down");
                    break;
            }
        }
        REQUIRE(seen.size() == 12);
        for (size_t i = 0; i < seen.size(); ++i) {
            CHECK(static_cast<size_t>(seen[i]) == i + 1);
        }
        CHECK(splitter.pending_bytes() == 0);
        CHECK(splitter.offset() == bytes.size());
    }

    TEST_CASE("a message cut anywhere is refused by its decoder and never read beyond") {
        MessageSplitter splitter;
        splitter.trust();
        feed(splitter, example_conversation());
        while (true) {
            const auto message = splitter.next();
            REQUIRE(message);
            if (!message->has_value()) {
                break;
            }
            const std::string body((*message)->body);
            for (size_t size = 0; size < body.size(); ++size) {
                const std::string_view cut = std::string_view(body).substr(0, size);
                switch ((*message)->type) {
                    case MessageType::kHello:
                        CHECK_FALSE(decode_hello(cut));
                        break;
                    case MessageType::kWelcome:
                        CHECK_FALSE(decode_welcome(cut));
                        break;
                    case MessageType::kRefuse:
                        CHECK_FALSE(decode_refuse(cut));
                        break;
                    case MessageType::kAsk:
                        CHECK_FALSE(decode_ask(cut));
                        break;
                    case MessageType::kCommitted:
                        CHECK_FALSE(decode_committed(cut));
                        break;
                    case MessageType::kFrame:
                        CHECK_FALSE(decode_frame(cut));
                        break;
                    case MessageType::kAck:
                        CHECK_FALSE(decode_ack(cut));
                        break;
                    case MessageType::kThrottle:
                        CHECK_FALSE(decode_throttle(cut));
                        break;
                    case MessageType::kEvent:
                        CHECK_FALSE(decode_event(cut));
                        break;
                    case MessageType::kPing:
                    case MessageType::kPong:
                        CHECK_FALSE(decode_ping(cut));
                        break;
                    case MessageType::kGoodbye:
                        CHECK_FALSE(decode_goodbye(cut));
                        break;
                }
            }
        }
    }

    TEST_CASE("what a later minor version adds to a message, and its new types, are skipped") {
        std::string bytes;
        append_preface(bytes);
        bytes[5] = 1;  // minor 1
        const size_t start = bytes.size();
        append_message(bytes, Throttle{250, 0});
        bytes += "new field";
        const auto longer = static_cast<uint32_t>(bytes.size() - start - kMessageHeaderBytes);
        std::memcpy(bytes.data() + start + 4, &longer, 4);
        bytes += std::string("\x63\0\0\0\3\0\0\0abc", 11);  // type 99
        append_ping(bytes, 1);
        MessageSplitter splitter;
        splitter.trust();
        feed(splitter, bytes);
        CHECK(decode_throttle((**splitter.next()).body)->retry_after_ms == 250);
        const auto unknown = **splitter.next();
        CHECK(to_string(unknown.type) == "unknown");
        CHECK(unknown.body == "abc");
        CHECK(*decode_ping((**splitter.next()).body) == 1);
        CHECK(splitter.peer_minor() == 1);
    }

    TEST_CASE("another protocol and another major version are told apart, with what to do") {
        MessageSplitter http;
        feed(http, "GET / HTTP/1.1\r\n");
        const auto refused = http.next();
        REQUIRE_FALSE(refused);
        CHECK(
            refused.error().message ==
            "not the agent protocol: the first bytes are \"GET \", \"SEYW\" expected"
        );
        MessageSplitter later;
        feed(later, std::string_view("SEYW\2\0\0\0", 8));
        const auto version = later.next();
        REQUIRE_FALSE(version);
        CHECK(version.error().code == ErrorCode::kUnsupported);
        CHECK(version.error().message.find("version 2.0") != std::string::npos);
    }

    TEST_CASE("before trust a message beyond 4 KiB is refused, after it one beyond the frame limit"
    ) {
        std::string bytes;
        append_preface(bytes);
        bytes += std::string("\x06\0\0\0", 4);
        const uint32_t size = kHelloBytesMax + 1;
        bytes.append(reinterpret_cast<const char*>(&size), 4);
        MessageSplitter splitter;
        feed(splitter, bytes);
        const auto refused = splitter.next();
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::kTooLarge);
        CHECK(
            refused.error().message ==
            "frame message of 4097 bytes at byte 8 of the connection, limit 4096"
        );
        MessageSplitter trusted;
        trusted.trust();
        feed(trusted, bytes);
        CHECK(trusted.next());
    }

    TEST_CASE("a frame whose sizes disagree or pass the limit is refused") {
        std::string out;
        append_frame_header(out, {.raw_bytes = 10, .wire_bytes = 4});
        out += "abcd";
        const std::string body = out.substr(kMessageHeaderBytes);
        CHECK(decode_frame(body));
        CHECK_FALSE(decode_frame(body.substr(0, body.size() - 1)));
        CHECK_FALSE(decode_frame(body + "e"));
        std::string large = body;
        const uint32_t raw = kPayloadBytesMax + 1;
        std::memcpy(large.data() + 36, &raw, 4);
        const auto refused = decode_frame(large);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::kTooLarge);
    }

    TEST_CASE("tokens are equal only when every byte is") {
        CHECK(equal_in_constant_time("secret", "secret"));
        CHECK_FALSE(equal_in_constant_time("secret", "secreT"));
        CHECK_FALSE(equal_in_constant_time("secret", "secretsecret"));
        CHECK_FALSE(equal_in_constant_time("secret", ""));
        CHECK_FALSE(equal_in_constant_time("", "x"));
        CHECK(equal_in_constant_time("", ""));
    }

    TEST_CASE("the committed corpus of the fuzz target runs clean") {
        CHECK(test::replay_corpus(kRoot + "/test/fuzz/corpus/wire") >= 1);
    }
}
