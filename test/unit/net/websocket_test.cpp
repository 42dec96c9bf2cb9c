// SPDX-License-Identifier: Apache-2.0
#include "common/net/http/websocket.hpp"

#include <string>

#include <doctest/doctest.h>

#include "test/support/replay_corpus.hpp"

using namespace seyir;
using namespace seyir::net;

namespace {

constexpr uint32_t kMask = 0x37fa213d;

HttpRequest upgrade() {
    HttpRequest request{.method = "GET", .path = "/tail"};
    request.headers = {
        {"Host", "x"},
        {"Upgrade", "WebSocket"},
        {"Connection", "keep-alive, Upgrade"},
        {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
        {"Sec-WebSocket-Version", "13"},
    };
    return request;
}

void set(HttpRequest& request, std::string_view name, std::string value) {
    for (auto& [key, old] : request.headers) {
        if (key == name) {
            old = std::move(value);
        }
    }
}

std::string bytes(std::initializer_list<int> values) {
    std::string out;
    for (const int value : values) {
        out += static_cast<char>(value);
    }
    return out;
}

/// What a reader makes of the bytes: messages as "opcode:payload;", then "!code" if it failed.
std::string read(WebSocketReader reader, std::string_view input, size_t piece) {
    std::string out;
    for (size_t at = 0; at < input.size(); at += piece) {
        reader.feed(input.substr(at, piece));
        while (true) {
            const auto message = reader.next();
            if (!message) {
                return out + "!" + std::to_string(reader.close_code());
            }
            if (!*message) {
                break;
            }
            out += std::to_string(static_cast<int>((*message)->opcode)) + ":" +
                   (*message)->payload + ";";
        }
    }
    return out;
}

std::string read_server(std::string_view input, size_t message_bytes_max = 1000) {
    const std::string whole =
        read({WebSocketReader::Side::kServer, message_bytes_max}, input, input.size());
    const std::string bytewise =
        read({WebSocketReader::Side::kServer, message_bytes_max}, input, 1);
    CHECK(whole == bytewise);
    return whole;
}

std::string masked(WebSocketOpcode opcode, std::string_view payload) {
    std::string out;
    append_websocket_frame(out, opcode, payload, kMask);
    return out;
}

}  // namespace

TEST_SUITE("common/net/http/websocket") {
    TEST_CASE("the handshake of RFC 6455 1.3 is answered") {
        const auto key = websocket_key(upgrade());
        REQUIRE(key);
        CHECK(websocket_accept(*key) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    TEST_CASE("a wrong handshake says what is wrong") {
        const auto message = [](HttpRequest request) {
            const auto key = websocket_key(request);
            REQUIRE(!key);
            return key.error().message;
        };
        HttpRequest request = upgrade();
        set(request, "Upgrade", "h2c");
        CHECK(message(request).find("`Upgrade: websocket` is missing") != std::string::npos);
        CHECK(!wants_websocket(request));
        request = upgrade();
        set(request, "Connection", "keep-alive");
        CHECK(message(request).find("`Connection: Upgrade` is missing") != std::string::npos);
        request = upgrade();
        set(request, "Sec-WebSocket-Version", "8");
        CHECK(websocket_key(request).error().code == ErrorCode::kUnsupported);
        request = upgrade();
        set(request, "Sec-WebSocket-Key", "short");
        CHECK(message(request).find("16 bytes in base64") != std::string::npos);
        request = upgrade();
        request.method = "POST";
        CHECK(message(request).find("GET") != std::string::npos);
    }

    TEST_CASE("frames are those of the examples in RFC 6455 5.7") {
        std::string out;
        append_websocket_frame(out, WebSocketOpcode::kText, "Hello");
        CHECK(out == bytes({0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}));
        CHECK(
            masked(WebSocketOpcode::kText, "Hello") ==
            bytes({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58})
        );
        out.clear();
        append_websocket_frame(out, WebSocketOpcode::kBinary, std::string(256, 'x'));
        CHECK(out.substr(0, 4) == bytes({0x82, 0x7e, 0x01, 0x00}));
        out.clear();
        append_websocket_frame(out, WebSocketOpcode::kBinary, std::string(65536, 'x'));
        CHECK(out.substr(0, 10) == bytes({0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0}));
    }

    TEST_CASE("frames are read whatever their size and however they are cut") {
        for (const size_t size : {0, 1, 125, 126, 127, 65535, 65536, 70000}) {
            const std::string payload(size, 'a');
            const std::string frame = masked(WebSocketOpcode::kText, payload);
            const auto got =
                read({WebSocketReader::Side::kServer, 100'000}, frame, size > 1000 ? 4096 : 1);
            CHECK(got == "1:" + payload + ";");
        }
        std::string plain;
        append_websocket_frame(plain, WebSocketOpcode::kText, "from a server");
        CHECK(read({WebSocketReader::Side::kClient, 1000}, plain, 3) == "1:from a server;");
    }

    TEST_CASE("fragments are joined, control frames pass between them") {
        std::string input = masked(WebSocketOpcode::kText, "one ");
        input[0] = 0x01;  // not the last
        std::string more = masked(WebSocketOpcode::kContinuation, "two ");
        more[0] = 0x00;
        input += masked(WebSocketOpcode::kPing, "p") + more +
                 masked(WebSocketOpcode::kContinuation, "three");
        CHECK(read_server(input) == "9:p;1:one two three;");
    }

    TEST_CASE("broken rules end the connection with their code") {
        struct Case {
            std::string input;
            const char* expected;
        };

        std::string unmasked;
        append_websocket_frame(unmasked, WebSocketOpcode::kText, "x");
        std::string reserved = masked(WebSocketOpcode::kText, "x");
        reserved[0] = static_cast<char>(0xc1);
        std::string opcode = masked(WebSocketOpcode::kText, "x");
        opcode[0] = static_cast<char>(0x83);
        std::string first_of_two = masked(WebSocketOpcode::kText, "x");
        first_of_two[0] = 0x01;
        std::string long_ping = masked(WebSocketOpcode::kPing, std::string(126, 'x'));
        std::string cut_ping = masked(WebSocketOpcode::kPing, "x");
        cut_ping[0] = 0x09;
        const std::string huge =
            bytes({0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
        const Case cases[] = {
            {unmasked, "!1002"},
            {reserved, "!1002"},
            {opcode, "!1002"},
            {first_of_two + masked(WebSocketOpcode::kText, "y"), "!1002"},
            {masked(WebSocketOpcode::kContinuation, "y"), "!1002"},
            {long_ping, "!1002"},
            {cut_ping, "!1002"},
            {huge, "!1009"},
            {masked(WebSocketOpcode::kText, std::string(1001, 'x')), "!1009"},
            {masked(WebSocketOpcode::kText, "\xff\xfe"), "!1007"},
            {masked(WebSocketOpcode::kClose, "x"), "!1002"},
            {masked(WebSocketOpcode::kClose, bytes({0x03, 0xed})), "!1002"},  // 1005
            {masked(WebSocketOpcode::kClose, websocket_close_payload(1000, "\xff")), "!1002"},
        };
        for (const Case& c : cases) {
            CHECK(read_server(c.input) == c.expected);
        }
        std::string half = masked(WebSocketOpcode::kText, std::string(600, 'x'));
        half[0] = 0x01;
        CHECK(
            read_server(half + masked(WebSocketOpcode::kContinuation, std::string(600, 'x'))) ==
            "!1009"
        );
    }

    TEST_CASE("close frames carry code and reason") {
        const std::string payload = websocket_close_payload(1000, "bye");
        CHECK(payload == bytes({0x03, 0xe8}) + "bye");
        CHECK(WebSocketMessage{WebSocketOpcode::kClose, payload}.close_code() == 1000);
        CHECK(WebSocketMessage{WebSocketOpcode::kClose, ""}.close_code() == 1005);
        CHECK(read_server(masked(WebSocketOpcode::kClose, payload)) == "8:" + payload + ";");
        CHECK(websocket_close_payload(1000, std::string(200, 'x')).size() == 125);
        std::string umlauts;
        for (int i = 0; i < 100; ++i) {
            umlauts += "\xc3\xbc";
        }
        CHECK(websocket_close_payload(1000, umlauts).size() == 2 + 122);
    }

    TEST_CASE("the fuzz target's corpus passes") {
        CHECK(test::replay_corpus(SEYIR_SOURCE_ROOT "/test/fuzz/corpus/websocket") >= 5);
    }
}
