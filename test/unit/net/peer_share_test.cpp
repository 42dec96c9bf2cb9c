// SPDX-License-Identifier: Apache-2.0
#include "common/net/peer_share.hpp"

#include <vector>

#include <doctest/doctest.h>

using seyir::net::PeerShare;

TEST_SUITE("common/net/peer_share") {
    TEST_CASE("one peer holds half of the connections, the others keep theirs") {
        PeerShare shares(4);
        std::vector<PeerShare::Place> held;
        const auto take = [&](const char* peer) {
            auto place = shares.take(peer);
            if (place) {
                held.push_back(*std::move(place));
            }
            return place.has_value();
        };
        CHECK(take("192.0.2.7:1"));
        CHECK(take("[::ffff:192.0.2.7]:2"));
        CHECK_FALSE(take("192.0.2.7:3"));
        CHECK(take("192.0.2.8:3"));
        CHECK(take("[2001:db8::1]:1"));
        CHECK(take("[2001:db8::2]:1"));
        CHECK_FALSE(take("[2001:db8::3]:1"));
        CHECK(take("[2001:db8:0:1::3]:1"));
        held.clear();
        CHECK(take("192.0.2.7:3"));
    }

    TEST_CASE("this machine and unix sockets have no share, and one connection is always allowed") {
        PeerShare one(1);
        std::vector<PeerShare::Place> held;
        for (int i = 0; i < 3; ++i) {
            for (const char* peer : {"127.0.0.1:5", "[::1]:5", "unix", "unix:/run/x", ""}) {
                auto place = one.take(peer);
                REQUIRE(place);
                held.push_back(*std::move(place));
            }
        }
        CHECK(one.take("192.0.2.7:1"));
        CHECK(one.share() == 1);
    }
}
