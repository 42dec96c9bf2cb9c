// SPDX-License-Identifier: Apache-2.0
#include "common/record/level.hpp"

#include <string>

#include <doctest/doctest.h>

#include "test/support/rows.hpp"

using namespace seyir;

namespace {

struct LineCase {
    const char* line;
    const char* level;
};

// clang-format off
const LineCase kLines[] = {
    // JSON: members of the outermost object, any case, words or numbers
    {R"({"level":"info","msg":"x"})", "info"},
    {R"({"msg":"an ERROR in quotes","level":"warning"})", "warn"},
    {R"({"ts":1,"Severity" : "ERR"})", "error"},
    {R"({"a":{"level":"debug"},"lvl":"fatal"})", "fatal"},
    {R"({"a":["level","debug"],"severity_text":"Critical"})", "critical"},
    {R"({"level":30,"msg":"pino"})", "info"},
    {R"({"level":60})", "fatal"},
    {R"({"level":3,"short_message":"gelf"})", "error"},
    {R"({"level":"gold","log.level":"trace"})", "trace"},
    {R"({"levelname":"WARNING","message":"python"})", "warn"},
    {R"({"msg":"a \"level\":\"debug\" inside","level":"error"})", "error"},
    {R"({"error":null,"status":200})", "unknown"},
    {R"({"message":"ERROR: no level member"})", "error"},
    {R"({"level":"inf)", "unknown"},
    {R"({"level)", "unknown"},
    // logfmt, anywhere in the line
    {"ts=1 level=warn msg=\"error in text\"", "warn"},
    {"level=\"debug\" a=b", "debug"},
    {"2026-01-01 host app[1]: lvl=eror severity=ERROR", "error"},
    {"err=nil error=none a=b", "unknown"},
    {"a=1, LEVEL=Info, b=2", "info"},
    // klog
    {"E0102 15:04:05.000001 1 main.go:5] x", "error"},
    {"I1122 10:00:00.1 info error", "info"},
    // words: sure ones first
    {"2026-01-01 10:00:00 [ERROR] could not inform", "error"},
    {"2026-01-01 10:00:00,1 - root - WARNING - x", "warn"},
    {"[notice] server started", "info"},
    {"app: error: file not found", "error"},
    {"an error was seen, then INFO", "info"},
    {"critical disk failure", "critical"},
    {"FATAL: the database system is starting up", "fatal"},
    {"SEVERE: x", "error"},
    {"no notice of an alert, a trace", "unknown"},
    {"informal terror warned errors", "unknown"},
    {"my_error error_code ERROR2", "unknown"},
    {"10.0.0.1 - - [x] \"GET / HTTP/1.1\" 200", "unknown"},
    {"", "unknown"},
    {"   \t", "unknown"},
};
// clang-format on

}  // namespace

TEST_SUITE("common/record/level") {
    TEST_CASE("the level of a line is found where loggers put it") {
        for (const LineCase& c : kLines) {
            CHECK_MESSAGE(level_name(level_of_line(c.line)) == std::string_view(c.level), c.line);
        }
    }

    TEST_CASE("only the beginning of a line is looked at") {
        const std::string late = std::string(kLevelScanBytes, '.') + " ERROR";
        CHECK(level_of_line(late) == kSeverityUnset);
        CHECK(level_of_line(late.substr(100)) == kSeverityError);
    }

    TEST_CASE("severity goes before labels, labels before attributes, attributes before the line") {
        const auto batch = test::make_batch({
            {{{"app", "a"}, {"level", "debug"}}, 1, "ERROR", {{"severity", "warn"}}, kSeverityInfo},
            {{{"app", "a"}, {"level", "debug"}}, 2, "ERROR", {{"severity", "warn"}}},
            {{{"app", "a"}}, 3, "ERROR", {{"k", "v"}, {"Severity", "warn"}}},
            {{{"app", "a"}}, 4, "ERROR", {{"severity", "none of them"}}},
            {{{"app", "a"}}, 5, "plain"},
        });
        const char* expected[] = {"info", "debug", "warn", "error", "unknown"};
        for (uint32_t i = 0; i < batch->row_count(); ++i) {
            CHECK(level_name(level_of_row(*batch, i)) == std::string_view(expected[i]));
        }
    }

    TEST_CASE("any cut of a line is read without going beyond it") {
        for (const LineCase& c : kLines) {
            const std::string line = c.line;
            for (size_t size = 0; size <= line.size(); ++size) {
                // A buffer of exactly that size: a sanitizer sees a byte too many.
                const std::vector<char> exact(line.begin(), line.begin() + static_cast<long>(size));
                const SeverityNumber level =
                    level_of_line(std::string_view(exact.data(), exact.size()));
                CHECK(level <= 24);
            }
        }
    }

    TEST_CASE("words and numbers of levels agree with their names") {
        for (const char* word : {"trace", "debug", "info", "warn", "error", "fatal", "critical"}) {
            CHECK(level_name(severity_from_text(word)) == std::string_view(word));
        }
        for (int severity = 0; severity <= 30; ++severity) {
            const auto number = static_cast<SeverityNumber>(severity);
            CHECK(level_word(level_index(number)) == level_name(number));
        }
        CHECK(level_name(0) == "unknown");
        CHECK(level_name(25) == "unknown");
        CHECK(level_name(20) == "error");
        CHECK(level_name(21) == "fatal");
        CHECK(level_name(23) == "critical");
    }
}
