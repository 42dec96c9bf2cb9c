// SPDX-License-Identifier: Apache-2.0
#include "common/base/units.hpp"

#include <array>

#include <doctest/doctest.h>

#include "common/base/text.hpp"

using namespace seyir;
using namespace std::chrono_literals;

TEST_SUITE("common/base") {
    TEST_CASE("sizes are read with binary and decimal units") {
        CHECK(*parse_bytes("64MiB") == 64 * kMiB);
        CHECK(*parse_bytes("1.5 KiB") == 1536);
        CHECK(*parse_bytes("10kB") == 10'000);
        CHECK(*parse_bytes("7") == 7);
        CHECK(!parse_bytes("MiB").has_value());
        CHECK(!parse_bytes("5 apples").has_value());
        CHECK(!parse_bytes("99999999TiB").has_value());
    }

    TEST_CASE("durations are read as sequences and print back to the same value") {
        CHECK(*parse_duration("1h30m") == 90min);
        CHECK(*parse_duration("250ms") == 250ms);
        CHECK(*parse_duration("90d") == 90 * 24h);
        CHECK(!parse_duration("15").has_value());
        CHECK(!parse_duration("15 days").has_value());
        CHECK(!parse_duration("").has_value());
        for (const Nanos d : {Nanos(90min), Nanos(1), Nanos(86'400s), Nanos(1'500ms)}) {
            CHECK(*parse_duration(format_duration(d)) == d);
        }
    }

    TEST_CASE("JSON strings escape controls and replace ill-formed UTF-8 by maximal parts") {
        CHECK(json_quote("a\"b\\\n\x01") == R"("a\"b\\\n\u0001")");
        CHECK(json_quote("\xff\xc3\xa9\xe2\x82") == "\"\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\"");
        CHECK(json_quote("\xed\xa0\x80") == "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
        CHECK(!is_utf8("\xc0\xaf"));
    }

    TEST_CASE("a misspelt word suggests its neighbour and nothing suggests a stranger") {
        constexpr std::array<std::string_view, 3> kKnown = {"max_size", "when_full", "type"};
        CHECK(did_you_mean("max_sise", kKnown) == "max_size");
        CHECK(did_you_mean("tpye", kKnown) == "type");
        CHECK(!did_you_mean("zzzzzz", kKnown).has_value());
    }
}
