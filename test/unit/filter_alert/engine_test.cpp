// SPDX-License-Identifier: Apache-2.0
#include "common/alert/engine.hpp"

#include <algorithm>
#include <deque>
#include <random>

#include <doctest/doctest.h>

using namespace seyir;
using namespace seyir::alert;
using namespace std::chrono_literals;

namespace {

constexpr UnixNanos kStart{1'767'225'600'000'000'000};

Engine make(RuleText text) {
    text.name = "rule";
    return Engine(*Rule::compile(std::move(text)));
}

size_t count(const std::vector<Notice>& notices, Notice::Kind kind) {
    return static_cast<size_t>(std::ranges::count(notices, kind, &Notice::kind));
}

}  // namespace

TEST_SUITE("common/alert") {
    TEST_CASE("a group fires once when the threshold is reached, with first and last line") {
        Engine engine = make({.threshold = 3, .window = 60s, .cooldown = 300s});
        engine.add({}, kStart, "one", kStart);
        engine.add({}, kStart + 1s, "two", kStart + 1s);
        CHECK(engine.due(kStart + 1s).empty());
        engine.add({}, kStart + 2s, "three", kStart + 2s);
        const auto notices = engine.due(kStart + 2s);
        REQUIRE(notices.size() == 1);
        CHECK(notices[0].kind == Notice::Kind::kFiring);
        CHECK(notices[0].count == 3);
        CHECK(notices[0].first_line == "one");
        CHECK(notices[0].last_line == "three");
        CHECK(engine.due(kStart + 3s).empty());
        CHECK(engine.firing_count() == 1);
    }
    TEST_CASE("records leave the window") {
        Engine engine = make({.threshold = 2, .window = 60s});
        engine.add({}, kStart, "a", kStart);
        engine.add({}, kStart + 61s, "b", kStart + 61s);
        CHECK(engine.due(kStart + 61s).empty());
        engine.add({}, kStart + 100s, "c", kStart + 100s);
        CHECK(engine.due(kStart + 100s).size() == 1);
    }
    TEST_CASE("it fires again only after the cooldown, and only while above the threshold") {
        Engine engine = make({.threshold = 1, .window = 60s, .cooldown = 120s});
        size_t fired = 0;
        for (int s = 0; s < 600; s += 10) {
            const UnixNanos now = kStart + std::chrono::seconds(s);
            engine.add({}, now, "x", now);
            fired += engine.due(now).size();
        }
        CHECK(fired == 5);
        CHECK(engine.due(kStart + 2000s).empty());
    }
    TEST_CASE("resolved is told once, only when asked for, and groups that rest are forgotten") {
        for (const bool notify : {true, false}) {
            CAPTURE(notify);
            Engine engine = make({.window = 60s, .cooldown = 10s, .notify_resolved = notify});
            engine.add({}, kStart, "x", kStart);
            CHECK(engine.due(kStart).size() == 1);
            const auto later = engine.due(kStart + 90s);
            CHECK(count(later, Notice::Kind::kResolved) == (notify ? 1 : 0));
            CHECK(engine.due(kStart + 91s).empty());
            CHECK(engine.group_count() == 0);
        }
    }
    TEST_CASE("groups are counted apart and bounded; what is not counted is told") {
        Engine engine = make({.by = {"host"}, .threshold = 2, .window = 60s, .groups_max = 2});
        for (const char* host : {"a", "b", "a", "c", "c"}) {
            engine.add({host}, kStart, "x", kStart);
        }
        const auto notices = engine.due(kStart);
        REQUIRE(notices.size() == 2);
        CHECK(notices[0].group == GroupValues{"a"});
        CHECK(notices[1].kind == Notice::Kind::kFailing);
        CHECK(notices[1].problem == "2 records belong to more than 2 groups and were not counted");
        CHECK(engine.refused() == 2);
    }
    TEST_CASE("a rule that cannot be judged as often as it would fire is failing, once a cooldown"
    ) {
        Engine engine = make({.threshold = 10, .window = 60s, .cooldown = 60s});
        engine.add_errors(9, kStart);
        CHECK(engine.due(kStart).empty());
        engine.add_errors(1, kStart + 1s);
        const auto notices = engine.due(kStart + 1s);
        REQUIRE(count(notices, Notice::Kind::kFailing) == 1);
        CHECK(notices[0].problem.contains("10 records"));
        CHECK(engine.due(kStart + 2s).empty());
        engine.fail("the store is away");
        CHECK(engine.due(kStart + 3s).empty());
        CHECK(engine.due(kStart + 62s).at(0).problem == "the store is away");
        CHECK(engine.due(kStart + 200s).empty());
    }
    TEST_CASE("late records count at their time, those of the future now, and a clock may go back"
    ) {
        Engine engine = make({.threshold = 2, .window = 60s, .cooldown = 0s});
        engine.add({}, kStart - 100s, "too late", kStart);
        engine.add({}, kStart - 50s, "late", kStart);
        engine.add({}, kStart + 1000s, "future", kStart);
        CHECK(engine.due(kStart).size() == 1);
        CHECK(engine.due(kStart + 20s).empty());
        engine.add({}, kStart - 3600s, "x", kStart - 3600s);
        engine.add({}, kStart - 3600s, "x", kStart - 3600s);
        CHECK(engine.due(kStart - 3600s).size() == 1);
    }
    TEST_CASE("the count is that of a window of 59 to 60 sixtieths (against counting by hand)") {
        const auto seed = std::random_device{}();
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        Engine engine = make({.threshold = 1, .window = 60s, .cooldown = 0s});
        std::deque<UnixNanos> all;
        UnixNanos now = kStart;
        for (int i = 0; i < 3000; ++i) {
            now = now + Nanos(static_cast<int64_t>(random() % 3'000'000'000));
            all.push_back(now);
            engine.add({}, now, "x", now);
            const auto notices = engine.due(now);
            REQUIRE(notices.size() == 1);
            const auto within = [&](Nanos span) {
                return static_cast<uint64_t>(std::ranges::count_if(all, [&](UnixNanos t) {
                    return t > now - span;
                }));
            };
            REQUIRE(notices[0].count >= within(59s));
            REQUIRE(notices[0].count <= within(60s));
            while (all.front() < now - 120s) {
                all.pop_front();
            }
        }
    }
    TEST_CASE("conditions that are no conditions are refused with the place") {
        CHECK(Rule::compile({.condition = "rate({a=\"b\"}[5m])"}).error().message.contains("^"));
        CHECK_FALSE(Rule::compile({.condition = "{filename=\"x\"}"}));
        CHECK_FALSE(Rule::compile({.summary = "{{ shout .x }}"}));
    }
}
