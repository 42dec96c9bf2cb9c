// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/field/convert.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace seyir;
using namespace seyir::plugins;

namespace {

struct Case {
    std::string from;
    std::string to;
    std::string text;  ///< "" = refused
};

const std::vector<Case> kTexts{
    {"12", "int", "12"},
    {" -12 ", "int", "-12"},
    {"+12", "int", "12"},
    {"12.0", "int", "12"},
    {"1e3", "int", "1000"},
    {"12.5", "int", ""},
    {"", "int", ""},
    {"12x", "int", ""},
    {"0x10", "int", ""},
    {"9223372036854775807", "int", "9223372036854775807"},
    {"9223372036854775808", "int", ""},
    {"-9223372036854775808", "int", "-9223372036854775808"},
    {"1.5", "double", "1.5"},
    {"nan", "double", ""},
    {"inf", "double", ""},
    {"1e400", "double", ""},
    {"TRUE", "bool", "true"},
    {"off", "bool", "false"},
    {"1", "bool", "true"},
    {"maybe", "bool", ""},
    {"", "bool", ""},
    {"x", "string", "x"},
    {"1h15m", "duration", "4500"},
    {"250ms", "duration", "0.25"},
    {"2d", "duration", "172800"},
    {"1.5", "duration", "1.5"},
    {"fast", "duration", ""},
    {"42MiB", "bytes", "44040192"},
    {"10k", "bytes", "10000"},
    {"-1", "bytes", ""},
    {"16EiB", "bytes", ""},
    {"2026-01-02T03:04:05.5+01:00", "time", "2026-01-02T02:04:05.500000000Z"},
    {"1700000000", "time", "2023-11-14T22:13:20.000000000Z"},
    {"1700000000.25", "time", "2023-11-14T22:13:20.250000000Z"},
    {"1700000000123", "time", "2023-11-14T22:13:20.123000000Z"},
    {"1700000000123456", "time", "2023-11-14T22:13:20.123456000Z"},
    {"1700000000123456789", "time", "2023-11-14T22:13:20.123456789Z"},
    {"-9223372036854775808", "time", "1677-09-21T00:12:43.145224192Z"},
    {"yesterday", "time", ""},
};

std::string converted(const Value& from, const std::string& to) {
    Arena arena;
    std::string scratch;
    Value out;
    const auto target = convert_target(to);
    REQUIRE(target);
    return convert(from, *target, arena, scratch, out) ? out.to_text() : "";
}

}  // namespace

TEST_SUITE("plugins/filter/field/convert") {
    TEST_CASE("texts become what they say, or are refused") {
        for (const Case& c : kTexts) {
            CAPTURE(c.from);
            CAPTURE(c.to);
            CHECK(converted(Value::string(c.from), c.to) == c.text);
        }
    }

    TEST_CASE("numbers and truth values convert without going through text") {
        CHECK(converted(Value::integer(7), "double") == "7");
        CHECK(converted(Value::real(7.0), "int") == "7");
        CHECK(converted(Value::real(7.5), "int").empty());
        CHECK(converted(Value::real(0x1p63), "int").empty());
        CHECK(converted(Value::boolean(true), "int") == "1");
        CHECK(converted(Value::integer(0), "bool") == "false");
        CHECK(converted(Value::integer(0), "duration") == "0");
        CHECK(converted(Value::integer(3), "bytes") == "3");
        CHECK(converted(Value::boolean(true), "string") == "true");
        CHECK(converted(Value::number_text("1e999"), "double").empty());
        CHECK(converted(Value::number_text("1e999"), "string") == "1e999");
    }
}
