// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "test/support/shared.hpp"
#include "test/unit/filter_parse/parse_fixture.hpp"

using namespace seyir;
using namespace seyir::test;

TEST_SUITE("plugins/filter/parse") {
    TEST_CASE("clf reads common and combined, with and without a virtual host") {
        struct Case {
            std::string line;
            std::string fields;
        };

        const std::string time = "[10/Oct/2000:13:55:36 -0700]";
        const std::vector<Case> cases{
            {"127.0.0.1 - frank " + time + R"( "GET /a.gif HTTP/1.0" 200 2326)",
             R"(client="127.0.0.1" user="frank" time="10/Oct/2000:13:55:36 -0700" method="GET" path="/a.gif" protocol="HTTP/1.0" status=200 bytes=2326)"
            },
            {"::1 - - " + time + R"( "POST /x y HTTP/1.1" 404 - "http://a/" "Mozilla \"5\"")",
             R"(client="::1" time="10/Oct/2000:13:55:36 -0700" method="POST" path="/x y" protocol="HTTP/1.1" status=404 referer="http://a/" user_agent="Mozilla \"5\"")"
            },
            {"www:443 10.0.0.1 - - " + time + R"( "-" 408 0 "-" "-")",
             R"(vhost="www:443" client="10.0.0.1" time="10/Oct/2000:13:55:36 -0700" status=408 bytes=0)"
            },
            {"1.2.3.4 - John Doe " + time + R"( "\x16\x03" 400 11 "-" "-" 0.005 "1.1.1.1")",
             R"(client="1.2.3.4" user="John Doe" time="10/Oct/2000:13:55:36 -0700" request="\u0016\u0003" status=400 bytes=11 extra="0.005 \"1.1.1.1\"")"
            },
        };
        for (const Case& c : cases) {
            CAPTURE(c.line);
            CHECK(parsed("format: clf", c.line) == c.fields);
        }
    }

    TEST_CASE("the time of clf is the record's") {
        const Parsed p(
            "format: clf",
            {R"(1.1.1.1 - - [31/Dec/2025:23:00:00 -0100] "GET / HTTP/1.1" 200 1)",
             R"(1.1.1.1 - - [31/Dec/2025:23:00:01 -0100] "GET / HTTP/1.1" 200 1)"}
        );
        CHECK(p.batch().ts(0).value == 1'767'225'600'000'000'000);
        CHECK(p.batch().ts(1).value == 1'767'225'601'000'000'000);
        const Parsed off(
            "format: clf\ntime: { key: off }",
            {R"(1.1.1.1 - - [31/Dec/2025:23:00:01 -0100] "GET / HTTP/1.1" 200 1)"}
        );
        CHECK(off.batch().ts(0).value == 1'767'225'600'000'000'000);
    }

    TEST_CASE("what is no access log is a miss") {
        for (const char* line :
             {"",
              "x",
              "a b c [",
              R"(a b c [10/Oct/2000:13:55:36 -0700] "GET)",
              R"(a b c [10/Oct/2000:13:55:36 -0700] "GET" 200)",
              "[x] \"\" 1 2",
              R"(a b [10/Oct/2000:13:55:36 -0700] "GET / H" 200 1)"}) {
            CAPTURE(line);
            Parsed p("format: clf", {line});
            CHECK(p.fields() == "");
            CHECK(p.metrics().find("reason=\"bad_clf\"} 1") != std::string::npos);
        }
    }

    TEST_CASE("real access logs: every line is read") {
        const auto folder = shared_path("corpora/weblogs");
        if (!folder) {
            MESSAGE("skipped: no corpora beside the checkout");
            return;
        }
        for (const char* name : {"elastic_apache_logs.log", "rootly_apache_access.log"}) {
            std::istringstream in(read_file(*folder / name));
            std::vector<std::string> lines;
            for (std::string line; std::getline(in, line);) {
                lines.push_back(line);
            }
            const Parsed p("format: clf", lines);
            size_t missed = 0;
            for (size_t i = 0; i < lines.size(); ++i) {
                missed += p.batch().attrs(i).empty() ? 1 : 0;
                if (p.batch().attrs(i).empty()) {
                    MESSAGE(lines[i]);
                }
            }
            CHECK(lines.size() > 1000);
            CHECK(missed == 0);
        }
    }
}
