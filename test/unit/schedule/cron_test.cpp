// SPDX-License-Identifier: Apache-2.0
// R9.2, R9.7: schedules as crontab(5) writes them, on clocks that change.
#include "collector/schedule/cron.hpp"

#include <doctest/doctest.h>

#include "common/io/file_system.hpp"

namespace {

using namespace seyir;
using collector::schedule::CronSchedule;

constexpr int64_t kSecond = 1'000'000'000;

/// "2026-01-01 12:00" on the clocks of UTC.
UnixNanos utc(int64_t unix_seconds) {
    return {unix_seconds * kSecond};
}

std::string next(std::string_view cron, UnixNanos after, const TimeZone& zone = {}) {
    const auto schedule = CronSchedule::parse(cron);
    REQUIRE_MESSAGE(schedule.has_value(), schedule.error().message);
    const auto at = schedule->next_after(after, zone);
    return at ? to_rfc3339(*at).substr(0, 16) : "never";
}

}  // namespace

TEST_SUITE("collector/schedule/cron") {
    TEST_CASE("R9.7 the next moment of a schedule") {
        const UnixNanos noon = utc(1'767'268'800);  // Thursday 2026-01-01T12:00:00Z

        struct Case {
            std::string_view cron;
            std::string_view want;
        };

        for (const auto& [cron, want] : std::initializer_list<Case>{
                 {"0 3 * * *", "2026-01-02T03:00"},        {"* * * * *", "2026-01-01T12:01"},
                 {"0 12 * * *", "2026-01-02T12:00"},  // later than now, not now
                 {"5/20 * * * *", "2026-01-01T12:05"},     {"*/15 13 * * *", "2026-01-01T13:00"},
                 {"50-59/3 12 * * *", "2026-01-01T12:50"}, {"0 0 1 * *", "2026-02-01T00:00"},
                 {"0 0 29 2 *", "2028-02-29T00:00"},       {"0 0 30 2 *", "never"},
                 {"0 0 31 */2 *", "2026-01-31T00:00"},     {"0 6 * * mon-fri", "2026-01-02T06:00"},
                 {"0 6 * * SUN", "2026-01-04T06:00"},      {"0 6 * * 7", "2026-01-04T06:00"},
                 {"0 6 * * 5-7", "2026-01-02T06:00"},      {"0 6 * dec 1,3", "2026-12-02T06:00"},
                 {"0 6 15 * sun", "2026-01-04T06:00"},   // either day, as both are restricted
                 {"0 6 */2 * sun", "2026-01-11T06:00"},  // a star restricts nothing: both
                 {"@daily", "2026-01-02T00:00"},           {"@monthly", "2026-02-01T00:00"},
                 {" 0  3\t* * * ", "2026-01-02T03:00"},
             }) {
            CAPTURE(cron);
            CHECK(next(cron, noon) == want);
        }
    }

    TEST_CASE("a schedule that makes no sense is refused, naming the field") {
        struct Case {
            std::string_view cron;
            std::string_view part;
        };

        for (const auto& [cron, part] : std::initializer_list<Case>{
                 {"", "0 fields, not five"},
                 {"0 3 * *", "4 fields, not five"},
                 {"0 3 * * * *", "6 fields, not five"},
                 {"60 3 * * *", "`60` is no minute: 0 to 59"},
                 {"0 24 * * *", "`24` is no hour: 0 to 23"},
                 {"0 3 0 * *", "`0` is no day of month: 1 to 31"},
                 {"0 3 * 13 *", "`13` is no month: 1 to 12"},
                 {"0 3 * * 8", "`8` is no day of week: 0 to 7"},
                 {"0 3 * * mo", "`mo` is no day of week"},
                 {"*/0 3 * * *", "`0` is no step"},
                 {"*/x 3 * * *", "`x` is no step"},
                 {"5-1 3 * * *", "begins with the lower one"},
                 {"1,,2 3 * * *", "`` is no minute"},
                 {"-1 3 * * *", "`` is no minute"},
                 {"99999999999999999999 3 * * *", "is no minute"},
                 {"@noon", "`@noon` is not known"},
             }) {
            CAPTURE(cron);
            const auto schedule = CronSchedule::parse(cron);
            REQUIRE_FALSE(schedule.has_value());
            CHECK_MESSAGE(schedule.error().message.contains(part), schedule.error().message);
        }
    }

    TEST_CASE("R9.2 night is night by the local clocks, once a night, also when they change") {
        const auto berlin = TimeZone::load("Europe/Berlin", io::posix_file_system());
        if (!berlin) {
            MESSAGE("skipped: no zone database");
            return;
        }
        CHECK(next("0 3 * * *", utc(1'767'268'800), *berlin) == "2026-01-02T02:00");
        // 2026-03-29: 02:00 becomes 03:00. 02:30 is not there: it runs when the clocks have
        // changed.
        CHECK(next("30 2 * * *", utc(1'774'742'400), *berlin) == "2026-03-29T01:30");
        CHECK(next("0 3 * * *", utc(1'774'742'400), *berlin) == "2026-03-29T01:00");
        // 2026-10-25: 03:00 becomes 02:00. 02:30 comes twice and counts once.
        CHECK(next("30 2 * * *", utc(1'792'886'400), *berlin) == "2026-10-25T00:30");
        CHECK(next("30 2 * * *", utc(1'792'888'200), *berlin) == "2026-10-26T01:30");
    }
}
