// SPDX-License-Identifier: Apache-2.0
#include "common/ship/backoff.hpp"

#include <chrono>
#include <set>
#include <vector>

#include <doctest/doctest.h>

using namespace seyir;
using namespace seyir::ship;
using namespace std::chrono_literals;

TEST_SUITE("common/ship/backoff") {
    TEST_CASE("waits double up to the longest, each between its half and its whole") {
        for (uint64_t seed = 0; seed < 200; ++seed) {
            Backoff backoff(1s, 30s, seed);
            for (const Nanos whole : std::vector<Nanos>{1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
                const Nanos wait = backoff.next();
                CHECK(wait >= whole / 2);
                CHECK(wait <= whole);
            }
            backoff.reset();
            CHECK(backoff.next() <= Nanos(1s));
        }
    }

    TEST_CASE("agents that lost their collector together come back spread over the half") {
        constexpr size_t kAgents = 1000;
        constexpr size_t kParts = 10;
        std::vector<size_t> in_part(kParts);
        std::set<Nanos> distinct;
        for (uint64_t agent = 0; agent < kAgents; ++agent) {
            Backoff backoff(10s, 10s, agent);
            const Nanos wait = backoff.next();
            distinct.insert(wait);
            const auto part = static_cast<size_t>((wait - Nanos(5s)) * kParts / Nanos(5s));
            ++in_part.at(std::min(part, kParts - 1));
        }
        CHECK(distinct.size() > kAgents * 9 / 10);
        for (const size_t agents : in_part) {
            CHECK(agents > kAgents / kParts / 2);
            CHECK(agents < kAgents / kParts * 2);
        }
    }

    TEST_CASE("no wait at all is no wait") {
        Backoff backoff(Nanos(0), Nanos(0), 7);
        CHECK(backoff.next() == Nanos(0));
        CHECK(backoff.next() == Nanos(0));
    }
}
