// SPDX-License-Identifier: Apache-2.0
// R9.2, R9.8: when a job is due: its moments, those it missed, further attempts.
#include "collector/schedule/run_plan.hpp"

#include <doctest/doctest.h>

#include "common/io/clock.hpp"

namespace {

using namespace seyir;
using namespace std::chrono_literals;
using collector::schedule::CronSchedule;
using collector::schedule::Due;
using collector::schedule::RunPlan;
using collector::schedule::RunSchedule;

constexpr UnixNanos kMidnight{1'767'225'600'000'000'000};  // 2026-01-01T00:00:00Z

RunSchedule nightly(uint32_t attempts = 3) {
    return {.cron = *CronSchedule::parse("0 3 * * *"), .zone = {}, .attempts = attempts};
}

}  // namespace

TEST_SUITE("collector/schedule/run_plan") {
    TEST_CASE("a moment is due once, and the next is a day later") {
        io::ManualClock clock;
        clock.set_wall(kMidnight);
        RunPlan plan(nightly(), clock);
        plan.begin(std::nullopt);
        CHECK(plan.take_due() == Due::kNothing);
        clock.advance(3h);
        CHECK(plan.take_due() == Due::kScheduled);
        CHECK(plan.settle(true));
        CHECK(plan.take_due() == Due::kNothing);
        CHECK(to_rfc3339(*plan.next()).substr(0, 16) == "2026-01-02T03:00");
    }

    TEST_CASE("moments missed while the program was down are made up for by one run") {
        io::ManualClock clock;
        clock.set_wall(kMidnight);
        RunPlan plan(nightly(), clock);
        plan.begin(kMidnight - std::chrono::days(5));
        CHECK(plan.take_due() == Due::kScheduled);
        CHECK(plan.settle(true));
        CHECK(plan.take_due() == Due::kNothing);
    }

    TEST_CASE("a last run in the future, as a clock put back leaves it, is not waited for") {
        io::ManualClock clock;
        clock.set_wall(kMidnight);
        RunPlan plan(nightly(), clock);
        plan.begin(kMidnight + std::chrono::days(40));
        clock.advance(3h);
        CHECK(plan.take_due() == Due::kScheduled);
    }

    TEST_CASE("nothing runs twice in the time that comes again when the clock is put back") {
        io::ManualClock clock;
        clock.set_wall(kMidnight);
        RunPlan plan(nightly(), clock);
        plan.begin(std::nullopt);
        clock.advance(3h);
        CHECK(plan.take_due() == Due::kScheduled);
        CHECK(plan.settle(true));
        clock.set_wall(kMidnight + 2h);
        clock.advance(90min);
        CHECK(plan.take_due() == Due::kNothing);
    }

    TEST_CASE("a clock that was years ahead at the start and is corrected silences nothing") {
        io::ManualClock clock;
        clock.set_wall(kMidnight + std::chrono::days(1461));
        RunPlan plan(nightly(), clock);
        plan.begin(std::nullopt);
        CHECK(to_rfc3339(*plan.next()).substr(0, 10) == "2030-01-01");
        clock.set_wall(kMidnight);
        CHECK(plan.take_due() == Due::kNothing);
        CHECK(to_rfc3339(*plan.next()).substr(0, 16) == "2026-01-01T03:00");
        clock.advance(3h);
        CHECK(plan.take_due() == Due::kScheduled);
        CHECK(plan.settle(true));
        CHECK(to_rfc3339(*plan.next()).substr(0, 16) == "2026-01-02T03:00");
    }

    TEST_CASE("a failure is tried again after pauses that double, until the attempts are used") {
        io::ManualClock clock;
        clock.set_wall(kMidnight);
        RunPlan plan(nightly(3), clock);
        plan.begin(std::nullopt);
        clock.advance(3h);
        REQUIRE(plan.take_due() == Due::kScheduled);
        CHECK_FALSE(plan.settle(false));
        clock.advance(59s);
        CHECK(plan.take_due() == Due::kNothing);
        clock.advance(1s);
        CHECK(plan.take_due() == Due::kRetry);
        CHECK_FALSE(plan.settle(false));
        CHECK(plan.failed_attempts() == 2);
        clock.advance(119s);
        CHECK(plan.take_due() == Due::kNothing);
        clock.advance(1s);
        CHECK(plan.take_due() == Due::kRetry);
        CHECK(plan.settle(false));
        CHECK_FALSE(plan.has_retry());
        clock.advance(2h);
        CHECK(plan.take_due() == Due::kNothing);
        clock.advance(24h);
        CHECK(plan.take_due() == Due::kScheduled);
        CHECK(plan.failed_attempts() == 0);
    }

    TEST_CASE("pauses grow no further than the longest") {
        io::ManualClock clock;
        clock.set_wall(kMidnight);
        RunPlan plan(nightly(100), clock);
        plan.begin(std::nullopt);
        for (int attempt = 0; attempt < 30; ++attempt) {
            CHECK_FALSE(plan.settle(false));
        }
        clock.advance(1h);
        CHECK(plan.take_due() == Due::kRetry);
    }
}
