// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "common/io/file_system.hpp"
#include "common/time/civil.hpp"
#include "plugins/filter/parse/time/time_format.hpp"

using namespace seyir;
using namespace seyir::plugins::parse;

namespace {

/// 2026-03-01T12:00:00Z
constexpr UnixNanos kReference{1'772'366'400'000'000'000};

std::string shown(std::string_view format, const Value& value, const TimeZone& zone = {}) {
    const auto made = TimeFormat::compile(format);
    REQUIRE(made);
    const auto time = made->parse(value, kReference, zone);
    return time ? to_rfc3339(*time) : "-";
}

std::string shown(std::string_view format, std::string_view text, const TimeZone& zone = {}) {
    return shown(format, Value::string(text), zone);
}

}  // namespace

TEST_SUITE("plugins/filter/parse") {
    TEST_CASE("times are read by name and by pattern") {
        struct Case {
            const char* format;
            const char* text;
            const char* time;
        };

        const std::vector<Case> cases{
            {"auto", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000000Z"},
            {"auto", "2026-01-02 03:04:05,123", "2026-01-02T03:04:05.123000000Z"},
            {"auto", "2026-01-02T03:04:05.123456789+03:00", "2026-01-02T00:04:05.123456789Z"},
            {"auto", "2026-01-02 03:04", "2026-01-02T03:04:00.000000000Z"},
            {"auto", "02/Jan/2026:03:04:05 +0100", "2026-01-02T02:04:05.000000000Z"},
            {"auto", "1767225600", "2026-01-01T00:00:00.000000000Z"},
            {"auto", "1767225600123", "2026-01-01T00:00:00.123000000Z"},
            {"auto", "1767225600.000000001", "2026-01-01T00:00:00.000000001Z"},
            {"auto", "Feb 28 10:00:00", "2026-02-28T10:00:00.000000000Z"},
            {"auto", "Dec 31 23:59:59", "2025-12-31T23:59:59.000000000Z"},
            {"auto", "nonsense", "-"},
            {"auto", "", "-"},
            {"rfc3339", "2026-02-30T00:00:00Z", "-"},
            {"rfc3339", "2026-02-28T00:00:60Z", "2026-02-28T00:01:00.000000000Z"},
            {"rfc3339", "2026-02-28T00:00:00Zx", "-"},
            {"unix_ms", "1767225600123", "2026-01-01T00:00:00.123000000Z"},
            {"unix_ns", "1767225600123456789", "2026-01-01T00:00:00.123456789Z"},
            {"%d/%m/%Y %H:%M:%S.%L %z",
             "02/01/2026 03:04:05.5 -0030",
             "2026-01-02T03:34:05.500000000Z"},
            {"%a %b %d %H:%M:%S.%L %Y",
             "Fri Jan 02 03:04:05.25 2026",
             "2026-01-02T03:04:05.250000000Z"},
            {"%I:%M %p %F", "12:30 AM 2026-01-02", "2026-01-02T00:30:00.000000000Z"},
            {"%I:%M %p %F", "12:30 pm 2026-01-02", "2026-01-02T12:30:00.000000000Z"},
            {"%Y%j", "2026032", "2026-02-01T00:00:00.000000000Z"},
            {"%H:%M:%S", "11:00:00", "2026-03-01T11:00:00.000000000Z"},
            {"%H:%M:%S", "23:59:59", "2026-03-01T23:59:59.000000000Z"},
            {"%y-%m-%d", "26-01-02", "2026-01-02T00:00:00.000000000Z"},
            {"%s", "1767225600", "2026-01-01T00:00:00.000000000Z"},
            // A zone the pattern forgets counts all the same.
            {"%Y-%m-%dT%H:%M:%S.%L", "2026-01-02T03:04:05.1Z", "2026-01-02T03:04:05.100000000Z"},
            {"%Y-%m-%dT%H:%M:%S", "2026-01-02T03:04:05+03:00", "2026-01-02T00:04:05.000000000Z"},
            {"%Y-%m-%d", "2026-01-02 tail", "-"},
            {"%B %e %Y", "January  2 2026", "2026-01-02T00:00:00.000000000Z"},
        };
        for (const Case& c : cases) {
            CAPTURE(c.format);
            CAPTURE(c.text);
            CHECK(shown(c.format, std::string_view(c.text)) == c.time);
        }
        CHECK(shown("auto", Value::real(1767225600.25)) == "2026-01-01T00:00:00.250000000Z");
        CHECK(shown("unix_us", Value::integer(-1)) == "1969-12-31T23:59:59.999999000Z");
        CHECK(shown("auto", Value::boolean(true)) == "-");
        CHECK(TimeFormat().parse(Value::string("9999-01-01"), kReference, {}) == UnixNanos::max());
        CHECK(TimeFormat().parse(Value::string("0001-01-01"), kReference, {}) == UnixNanos::min());
    }

    TEST_CASE("days and dates agree over four centuries") {
        int64_t day = days_of(1900, 1, 1);
        for (int64_t year = 1900; year < 2300; ++year) {
            for (int64_t month = 1; month <= 12; ++month) {
                for (int64_t date = 1; date <= days_in_month(year, month); ++date, ++day) {
                    REQUIRE(days_of(year, month, date) == day);
                    REQUIRE(year_of(day) == year);
                }
            }
        }
        CHECK(weekday_of(days_of(2026, 11, 22)) == 0);
    }

    TEST_CASE("offsets and names of zones") {
        CHECK(parse_offset("+03:00") == 10'800);
        CHECK(parse_offset("-0330") == -12'600);
        CHECK(parse_offset("+3") == 10'800);
        CHECK(parse_offset("Z") == 0);
        CHECK_FALSE(parse_offset("+25"));
        CHECK_FALSE(parse_offset("+1:30"));
        CHECK_FALSE(parse_offset("EST"));
        CHECK(is_zone_name("Europe/Istanbul"));
        CHECK_FALSE(is_zone_name("../etc/passwd"));
        CHECK_FALSE(is_zone_name("/etc/localtime"));
        CHECK_FALSE(TimeZone::parse_tzif("TZif2 and no more"));
    }

    TEST_CASE("zones of the database know their changes and what comes after the last") {
        auto& files = io::posix_file_system();
        const auto berlin = TimeZone::load("Europe/Berlin", files);
        const auto istanbul = TimeZone::load("Europe/Istanbul", files);
        if (!berlin || !istanbul) {
            MESSAGE("skipped: no zone database on this machine");
            return;
        }
        CHECK(shown("auto", "2026-07-01 12:00:00", *istanbul) == "2026-07-01T09:00:00.000000000Z");
        CHECK(shown("auto", "2010-01-01 12:00:00", *istanbul) == "2010-01-01T10:00:00.000000000Z");
        CHECK(shown("auto", "2026-01-01 12:00:00", *berlin) == "2026-01-01T11:00:00.000000000Z");
        CHECK(shown("auto", "2026-07-01 12:00:00", *berlin) == "2026-07-01T10:00:00.000000000Z");
        CHECK(shown("auto", "2050-07-01 12:00:00", *berlin) == "2050-07-01T10:00:00.000000000Z");
        CHECK(shown("auto", "2050-12-01 12:00:00", *berlin) == "2050-12-01T11:00:00.000000000Z");
        // The hour that is skipped, and the one that happens twice (the first counts).
        CHECK(shown("auto", "2026-03-29 02:30:00", *berlin) == "2026-03-29T01:30:00.000000000Z");
        CHECK(shown("auto", "2026-10-25 02:30:00", *berlin) == "2026-10-25T00:30:00.000000000Z");
        const auto sydney = TimeZone::load("Australia/Sydney", files);
        REQUIRE(sydney);
        CHECK(shown("auto", "2050-01-01 12:00:00", *sydney) == "2050-01-01T01:00:00.000000000Z");
        CHECK(TimeZone::load("local", files));
    }
}
