// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/parse/explain.hpp"

#include <doctest/doctest.h>

#include "common/io/file_system.hpp"

using namespace seyir;
using namespace seyir::plugins::parse;

TEST_SUITE("plugins/filter/parse") {
    TEST_CASE("an expression is split where a beginning of it may end") {
        using Parts = std::vector<std::string_view>;
        CHECK(
            split_expression("^a\\d+[]x]*?(b|c){2}%{IP:x}?$") ==
            Parts{"^", "a", "\\d+", "[]x]*?", "(b|c){2}", "%{IP:x}?", "$"}
        );
        CHECK(split_expression("a|b") == Parts{"a|b"});
        CHECK(split_expression("[[:alpha:]]+\\") == Parts{"[[:alpha:]]+", "\\"});
        CHECK(split_expression("(open").size() == 1);
    }

    TEST_CASE("a miss says how far the expression fitted, and what did not") {
        struct Case {
            Format format;
            const char* pattern;
            const char* text;
            size_t at;
            const char* missing;
        };

        for (const Case& c : {
                 Case{
                     Format::kGrok,
                     "^%{IP:c} %{WORD:m} %{NUMBER:t}$",
                     "10.0.0.1 GET abc",
                     13,
                     "%{NUMBER:t}"
                 },
                 {Format::kGrok, "^%{WORD:a}:%{INT:b}", "word 12", 4, ":"},
                 // Looks into a pattern that is all of the expression.
                 {Format::kGrok, "%{SYSLOGBASE}", "Oct 11 22:14:15 web01 sshd 42", 26, ":"},
                 {Format::kRegex,
                  "^(?<a>\\S+) (?<b>[A-Z]+) (?<n>\\d+)$",
                  "10.0.0.1 GET abc",
                  13,
                  "(?<n>\\d+)"},
             }) {
            CAPTURE(c.pattern);
            Options options;
            options.format = c.format;
            options.patterns = {c.pattern};
            const auto stop = explain_stop(options, io::posix_file_system(), c.text);
            REQUIRE(stop);
            CHECK(stop->at == c.at);
            CHECK(stop->missing == c.missing);
        }
        CHECK_FALSE(explain_stop({}, io::posix_file_system(), "x"));
    }
}
