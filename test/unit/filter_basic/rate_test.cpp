// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <list>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "plugins/filter/rate/key_table.hpp"
#include "plugins/filter/rate/sample_filter.hpp"
#include "plugins/filter/rate/throttle_filter.hpp"
#include "test/support/filter_fixture.hpp"
#include "test/support/row_text.hpp"

using namespace seyir;
using namespace seyir::test;
using namespace std::chrono_literals;
using Lines = std::vector<std::string>;
using Counts = std::map<std::string, uint32_t>;

namespace {

/// Lines "0", "1", ... of stream {app="a"}, with the attribute `user`.
RecordBatchPtr numbered(int count, const std::string& user = "u", int first = 0) {
    std::vector<PlainRow> rows;
    for (int i = first; i < first + count; ++i) {
        rows.push_back(
            {.labels = {{"app", "a"}},
             .ts_ns = i + 1,
             .line = std::to_string(i),
             .metadata = {{"user", user}}}
        );
    }
    return make_batch(rows);
}

}  // namespace

TEST_SUITE("plugins/filter/rate/key_table") {
    TEST_CASE("it is a map that forgets the key not touched for longest") {
        for (uint64_t seed = 1; seed <= 50; ++seed) {
            CAPTURE(seed);
            std::mt19937_64 random(seed);
            const size_t entries_max = 1 + random() % 40;
            plugins::KeyTable<int> table(entries_max);
            std::list<std::pair<uint64_t, int>> oracle;  // touched last in front
            for (int step = 0; step < 2000; ++step) {
                // Few different low halves, so that probes collide.
                const uint64_t name = random() % 60;
                const plugins::RowKey key{name, name % 7};
                const auto at = std::ranges::find(oracle, name, &std::pair<uint64_t, int>::first);
                int* found = table.find(key);
                REQUIRE((found != nullptr) == (at != oracle.end()));
                if (found != nullptr) {
                    REQUIRE(*found == at->second);
                    oracle.splice(oracle.begin(), oracle, at);
                } else {
                    if (table.is_full()) {
                        REQUIRE(table.take_oldest() == oracle.back().second);
                        oracle.pop_back();
                    }
                    table.add(key, step);
                    oracle.emplace_front(name, step);
                }
                if (random() % 100 == 0) {
                    const int less_than = static_cast<int>(random() % 2000);
                    table.remove_if([&](int value) { return value < less_than; });
                    oracle.remove_if([&](const auto& entry) { return entry.second < less_than; });
                }
                REQUIRE(table.size() == oracle.size());
            }
        }
    }
}

TEST_SUITE("plugins/filter/rate/throttle") {
    TEST_CASE("a burst passes, then what the window refills, the rest ends counted") {
        FilterFixture f(
            plugins::throttle_filter_type(), "type: throttle\nrate: 10\nwindow: 1s\nburst: 3"
        );
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        REQUIRE(f.process(numbered(5)));
        CHECK(f.sink.lines() == Lines{"0", "1", "2"});
        CHECK(f.sink.dropped == Counts{{"throttled", 2}});
        f.clock.advance(100ms);
        REQUIRE(f.process(numbered(2, "u", 5)));
        CHECK(f.sink.lines().back() == "5");
        CHECK(f.sink.dropped == Counts{{"throttled", 3}});
        f.clock.advance(1h);
        REQUIRE(f.process(numbered(9)));
        CHECK(f.sink.emitted_rows() == 3 + 1 + 3);
    }

    TEST_CASE("over a long time the rate is the rate, whatever the batches") {
        FilterFixture f(plugins::throttle_filter_type(), "type: throttle\nrate: 7\nwindow: 1s");
        std::mt19937_64 random(7);
        for (int i = 0; i < 10'000; ++i) {
            f.clock.advance(10ms);
            REQUIRE(f.process(numbered(1 + static_cast<int>(random() % 3))));
        }
        CHECK(f.sink.emitted_rows() >= 700);
        CHECK(f.sink.emitted_rows() <= 700 + 7 + 1);
    }

    TEST_CASE("keys have budgets of their own, all workers share them, nothing is copied") {
        FilterFixture f(
            plugins::throttle_filter_type(), "type: throttle\nrate: 1\nby: [user, labels.app]"
        );
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        const RecordBatchPtr batch = numbered(2, "a");
        REQUIRE(f.process(BatchView{batch, {}}));
        CHECK(f.sink.emitted.at(0).batch == batch);
        REQUIRE(f.process(numbered(2, "b", 10)));
        CHECK(f.sink.lines() == Lines{"0", "10"});
        auto other = f.another();
        REQUIRE(other);
        REQUIRE((*other)->process({numbered(2, "a"), {}}, f.sink));
        CHECK(f.sink.emitted_rows() == 2);
    }

    TEST_CASE("only what the condition selects is limited") {
        FilterFixture f(
            plugins::throttle_filter_type(), "type: throttle\nrate: 1\nif: '|~ \"[0-4]\"'"
        );
        REQUIRE(f.process(numbered(10)));
        CHECK(f.sink.lines() == Lines{"0", "5", "6", "7", "8", "9"});
    }

    TEST_CASE("the number of keys is bounded and evictions are counted") {
        FilterFixture f(
            plugins::throttle_filter_type(), "type: throttle\nrate: 1\nby: user\nmax_keys: 2"
        );
        for (const char* user : {"a", "b", "c", "a"}) {
            REQUIRE(f.process(numbered(1, user)));
        }
        CHECK(f.sink.emitted_rows() == 4);
        CHECK(
            f.registry
                .counter("seyir_filter_throttle_evicted_keys_total", "", {{"filter", "under_test"}})
                .value() == 2
        );
    }

    TEST_CASE("mistakes have their place") {
        FilterFixture f(plugins::throttle_filter_type(), "type: throttle\nrate: 0\nby: [labels.0]");
        CHECK(f.diagnostics().find(":4:11\n") != std::string::npos);
        FilterFixture g(plugins::throttle_filter_type(), "type: throttle\nrate: 1\nby: [labels.0]");
        CHECK(g.diagnostics().find(":5:10\n") != std::string::npos);
    }
}

TEST_SUITE("plugins/filter/rate/sample") {
    TEST_CASE("one in N passes in turn and tells its rate") {
        FilterFixture f(plugins::sample_filter_type(), "type: sample\none_in: 3");
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        REQUIRE(f.process(numbered(4)));
        REQUIRE(f.process(numbered(4, "u", 4)));
        CHECK(f.sink.lines() == Lines{"0", "3", "6"});
        CHECK(f.sink.dropped == Counts{{"sampled", 5}});
        CHECK(attrs_text(*f.sink.emitted[0].batch, 1) == "[user=\"u\" sample_rate=3]");
    }

    TEST_CASE("by a key all records of it pass or none, alike in another program") {
        FilterFixture f(
            plugins::sample_filter_type(), "type: sample\none_in: 4\nby: [user]\nattribute: ''"
        );
        FilterFixture g(
            plugins::sample_filter_type(), "type: sample\none_in: 4\nby: [user]\nattribute: ''"
        );
        std::set<std::string> kept;
        for (int user = 0; user < 1000; ++user) {
            const size_t before = f.sink.emitted_rows();
            REQUIRE(f.process(numbered(3, "user" + std::to_string(user))));
            REQUIRE(g.process(numbered(2, "user" + std::to_string(user))));
            const size_t passed = f.sink.emitted_rows() - before;
            CHECK((passed == 0 || passed == 3));
            if (passed != 0) {
                kept.insert(std::to_string(user));
            }
        }
        CHECK(kept.size() > 200);
        CHECK(kept.size() < 300);
        CHECK(f.sink.emitted_rows() / 3 == g.sink.emitted_rows() / 2);
        // Known answers: the hash is the same in every version.
        std::string first;
        for (int user = 0; user < 30; ++user) {
            first += kept.contains(std::to_string(user)) ? std::to_string(user) + " " : "";
        }
        // XXH3-128 of `length u32 | bytes`, high half, modulo 4.
        CHECK(first == "2 3 9 12 14 15 16 17 18 20 21 23 25 27 28 ");
    }

    TEST_CASE("records without the key take their turn") {
        FilterFixture f(plugins::sample_filter_type(), "type: sample\none_in: 2\nby: [no]");
        REQUIRE(f.process(numbered(10)));
        CHECK(f.sink.emitted_rows() == 5);
    }

    TEST_CASE("what always_keep selects passes unmarked, and without an attribute nothing is copied"
    ) {
        FilterFixture f(
            plugins::sample_filter_type(), "type: sample\none_in: 100\nalways_keep: '|= \"7\"'"
        );
        REQUIRE(f.process(numbered(20)));
        CHECK(f.sink.lines() == Lines{"0", "7", "17"});
        const RecordBatch& out = *f.sink.emitted[0].batch;
        CHECK(attrs_text(out, 0) == "[user=\"u\" sample_rate=100]");
        CHECK(attrs_text(out, 1) == "[user=\"u\"]");
        FilterFixture g(plugins::sample_filter_type(), "type: sample\none_in: 5\nattribute: ''");
        const RecordBatchPtr batch = numbered(20);
        REQUIRE(g.process(BatchView{batch, {}}));
        CHECK(g.sink.emitted[0].batch == batch);
    }
}
