// SPDX-License-Identifier: Apache-2.0
#include "plugins/forward/handshake.hpp"

#include <doctest/doctest.h>

using namespace seyir;
using namespace seyir::plugins::forward;

namespace {

Ping ping_of(const Helo& helo, const std::string& key, const User& user = {}) {
    Ping ping{.hostname = "client", .salt = "0123456789abcdef"};
    ping.key_digest = key_digest(ping.salt, ping.hostname, helo.nonce, key);
    ping.user = user.name;
    ping.password_digest =
        user.name.empty() ? "" : password_digest(helo.auth, user.name, user.password);
    return ping;
}

}  // namespace

TEST_SUITE("plugins/forward/handshake") {
    TEST_CASE("digests are SHA-512 in hex of the parts one after another") {
        // printf abc | sha512sum
        CHECK(
            key_digest("a", "b", "", "c") ==
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
        CHECK(password_digest("a", "b", "c") == key_digest("a", "b", "", "c"));
    }

    TEST_CASE("each message reads back as it was written") {
        std::string bytes;
        append_helo(bytes, {.nonce = "n", .auth = "a", .keepalive = false});
        const auto helo = read_helo(bytes);
        REQUIRE(helo);
        CHECK(helo->nonce == "n");
        CHECK(helo->auth == "a");
        CHECK(!helo->keepalive);
        bytes.clear();
        append_ping(bytes, {"host", "salt", "digest", "user", "password"});
        const auto ping = read_ping(bytes);
        REQUIRE(ping);
        CHECK(ping->hostname == "host");
        CHECK(ping->password_digest == "password");
        bytes.clear();
        append_pong(bytes, {true, "", "server", "digest"});
        const auto pong = read_pong(bytes);
        REQUIRE(pong);
        CHECK(pong->is_accepted);
        CHECK(pong->hostname == "server");
    }

    TEST_CASE("only the right key and the right password of a known user are let in") {
        const Helo open{.nonce = make_salt()};
        const Helo helo{.nonce = make_salt(), .auth = make_salt()};
        const std::vector<User> users{{"ann", "one"}, {"bob", "two"}};
        CHECK(check_ping(ping_of(open, "key"), open, "key", {}));
        CHECK(check_ping(ping_of(helo, "key", users[1]), helo, "key", users));
        CHECK(!check_ping(ping_of(open, "other"), open, "key", {}));
        CHECK(!check_ping(ping_of(helo, "other", users[0]), helo, "key", users));
        CHECK(!check_ping(ping_of(helo, "key", {"ann", "two"}), helo, "key", users));
        CHECK(!check_ping(ping_of(helo, "key", {"eve", "one"}), helo, "key", users));
        CHECK(!check_ping(ping_of(helo, "key"), helo, "key", users));
        const auto refused = check_ping(ping_of(open, "other"), open, "key", {});
        CHECK(refused.error().code == ErrorCode::kUnauthorized);
    }

    TEST_CASE("a client sees through a server that does not know the key") {
        const Helo helo{.nonce = make_salt()};
        const Ping ping = ping_of(helo, "key");
        const auto proof = [&](const std::string& key) {
            return Pong{
                .is_accepted = true,
                .reason = "",
                .hostname = "server",
                .key_digest = key_digest(ping.salt, "server", helo.nonce, key)
            };
        };
        CHECK(check_pong(proof("key"), ping, helo.nonce, "key"));
        CHECK(!check_pong(proof("other"), ping, helo.nonce, "key"));
        CHECK(!check_pong({.is_accepted = false, .reason = "no"}, ping, helo.nonce, "key"));
    }

    TEST_CASE("bytes of another shape are refused with what is wrong") {
        std::string ping;
        append_ping(ping, {"host", "salt", "digest", "", ""});
        for (size_t size = 0; size < ping.size(); ++size) {
            CHECK(!read_ping(ping.substr(0, size)));
        }
        CHECK(read_pong(ping).error().message == "PONG is no array of the right length");
        CHECK(!read_helo("\x92\xa4HELO\x01"));
    }
}
