// SPDX-License-Identifier: Apache-2.0
// Fluent Bit's parser definitions, read as its users would bring them. What we do differently on
// purpose:
// - the field that is the time stays a field (Time_Keep On); `modify` removes it;
// - a text behind the time that its pattern does not name is no time (a zone is); theirs ignores
// it;
// - Decode_Field and Decode_Field_As are filters of their own (`from:`);
// - an expression with look-around is `format: grok`, whose engine has it; RE2 has not.
#include <doctest/doctest.h>

#include "common/base/text.hpp"
#include "test/support/shared.hpp"
#include "test/unit/filter_parse/parse_fixture.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

using Definition = std::map<std::string, std::string>;

std::string lower(std::string text) {
    for (char& c : text) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    return text;
}

/// The [PARSER] sections of a classic configuration; keys in lower case.
std::vector<Definition> definitions(const std::string& text) {
    std::vector<Definition> all;
    std::istringstream in(text);
    bool is_parser = false;
    for (std::string line; std::getline(in, line);) {
        const size_t begin = line.find_first_not_of(" \t");
        if (begin == std::string::npos || line[begin] == '#') {
            continue;
        }
        if (line[begin] == '[') {
            is_parser = line.find("[PARSER]") != std::string::npos;
            if (is_parser) {
                all.emplace_back();
            }
            continue;
        }
        const size_t end = line.find_first_of(" \t", begin);
        const size_t value = line.find_first_not_of(" \t", end);
        if (is_parser && end != std::string::npos && value != std::string::npos) {
            const size_t last = line.find_last_not_of(" \t\r");
            all.back()[lower(line.substr(begin, end - begin))] =
                line.substr(value, last + 1 - value);
        }
    }
    return all;
}

std::string compile(const std::string& format, const Definition& definition) {
    std::string yaml = "type: parse\nformat: " + format;
    if (format == "regex" || format == "grok") {
        std::string pattern = definition.at("regex");
        if (format == "grok" && pattern.starts_with('/') && pattern.ends_with('/')) {
            pattern = pattern.substr(1, pattern.size() - 2);
        }
        yaml += "\npattern: " + json_quote(pattern);
    }
    if (const auto time = definition.find("time_format"); time != definition.end()) {
        yaml += "\ntime: { key: time, format: " + json_quote(time->second) + " }";
    }
    const FilterFixture f(plugins::parse_filter_type(), yaml);
    return f.ok() ? "" : f.diagnostics();
}

struct Sample {
    const char* name;
    const char* line;
    const char* fields;
};

}  // namespace

TEST_SUITE("plugins/filter/parse") {
    TEST_CASE("Fluent Bit's parsers: each definition is taken") {
        size_t taken = 0;
        for (const char* folder : {"corpora/fluentbit/conf", "corpora/fluentbit/parser"}) {
            const auto path = shared_path(folder);
            if (!path) {
                MESSAGE("skipped: no corpora beside the checkout");
                return;
            }
            for (const auto& entry : std::filesystem::directory_iterator(*path)) {
                for (const Definition& definition : definitions(read_file(entry.path()))) {
                    if (!definition.contains("format") || !definition.contains("name")) {
                        continue;
                    }
                    CAPTURE(definition.at("name"));
                    const std::string format = lower(definition.at("format"));
                    if (format == "ltsv") {
                        continue;  // not offered
                    }
                    const std::string error = compile(format, definition);
                    CHECK_MESSAGE((error.empty() || compile("grok", definition).empty()), error);
                    ++taken;
                }
            }
        }
        CHECK(taken > 60);
    }

    TEST_CASE("Fluent Bit's parsers read their lines") {
        const auto path = shared_path("corpora/fluentbit/conf/parsers.conf");
        if (!path) {
            MESSAGE("skipped: no corpora beside the checkout");
            return;
        }
        std::map<std::string, Definition> by_name;
        for (const Definition& definition : definitions(read_file(*path))) {
            by_name[definition.at("name")] = definition;
        }
        const std::vector<Sample> samples{
            {"apache2",
             R"L(192.168.2.20 - - [29/Jul/2015:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395)L",
             R"(host="192.168.2.20" user="-" time="29/Jul/2015:10:27:10 -0300" method="GET" path="/cgi-bin/try/" code="200" size="3395")"
            },
            {"apache_error",
             "[Fri Oct 13 15:20:32 2017] [error] [pid 9] [client 1.2.3.4] File does not exist",
             R"(time="Oct 13 15:20:32 2017" level="error" pid="9" client="1.2.3.4" message="File does not exist")"
            },
            {"syslog-rfc3164",
             "<34>Oct 11 22:14:15 mymachine su[23]: failed for lonvick",
             R"(pri="34" time="Oct 11 22:14:15" host="mymachine" ident="su" pid="23" message="failed for lonvick")"
            },
            {"cri",
             "2019-04-05T12:09:10.1+00:00 stdout F hello",
             R"(time="2019-04-05T12:09:10.1+00:00" stream="stdout" logtag="F" message="hello")"},
            {"docker-daemon",
             R"L(time="2018-01-02T03:04:05.6" level=info msg="it runs")L",
             R"(time="2018-01-02T03:04:05.6" level="info" msg="it runs")"},
        };
        for (const Sample& sample : samples) {
            CAPTURE(sample.name);
            REQUIRE(by_name.contains(sample.name));
            CHECK(
                parsed(
                    "format: regex\npattern: " + json_quote(by_name[sample.name].at("regex")),
                    sample.line
                ) == sample.fields
            );
        }
    }

    TEST_CASE(
        "Fluent Bit's time formats: without a year, with fractions behind . , or :, with zones"
    ) {
        struct Case {
            const char* format;
            const char* text;
            int64_t nanos;
        };

        // Read at 2026-01-01T00:00:00Z.
        for (const Case& c : {
                 Case{"%b %d %H:%M:%S", "Dec 16 04:06:58", 1'765'858'018'000'000'000},
                 {"%b %d %H:%M:%S.%L", "Dec 16 04:06:58.1234", 1'765'858'018'123'400'000},
                 {"%b %d %H:%M:%S,%L %z", "Dec 16 04:06:58,1234 -0600", 1'765'879'618'123'400'000},
                 {"%m/%d/%Y %H:%M:%SZ", "07/18/2017 01:47:03Z", 1'500'342'423'000'000'000},
                 {"%m/%d/%Y %H:%M:%S.%LZ", "07/18/2017 01:47:03.1234Z", 1'500'342'423'123'400'000},
                 {"%m/%d/%Y %H:%M:%S:%L %z",
                  "07/17/2017 22:17:03:1234 -0330",
                  1'500'342'423'123'400'000},
                 {"%a %b %d %H:%M:%S.%L %Y",
                  "Fri Jul 17 20:17:03.1234 2017",
                  1'500'322'623'123'400'000},
             }) {
            CAPTURE(c.text);
            const Parsed p(
                "format: json\ntime: { key: t, format: " + json_quote(c.format) + " }",
                {"{\"t\":" + json_quote(c.text) + "}"}
            );
            CHECK(p.batch().ts(0).value == c.nanos);
        }
    }
}
