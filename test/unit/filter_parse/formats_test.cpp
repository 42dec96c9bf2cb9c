// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "test/support/shared.hpp"
#include "test/unit/filter_parse/parse_fixture.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

struct Case {
    std::string line;
    std::string fields;  ///< "" = a miss
};

void check(const std::string& yaml, const std::vector<Case>& cases) {
    for (const Case& c : cases) {
        CAPTURE(c.line);
        CHECK(parsed(yaml, c.line) == c.fields);
    }
}

}  // namespace

TEST_SUITE("plugins/filter/parse") {
    TEST_CASE("logfmt reads pairs, quoted values and lone keys") {
        check(
            "format: logfmt",
            {
                {R"(level=info msg="a b" took=1.5s ok)",
                 R"(level="info" msg="a b" took="1.5s" ok=true)"},
                {R"(  a=1   b= c="" d="x \"y\" \u00e9")",
                 "a=\"1\" b=\"\" c=\"\" d=\"x \\\"y\\\" \xc3\xa9\""},
                {"url=http://x/?a=b", R"(url="http://x/?a=b")"},
                {R"(a="open)", ""},
                {R"(a=b"c)", ""},
                {"=x", ""},
                {"just some words", ""},
                {"", ""},
            }
        );
    }

    TEST_CASE("csv reads columns, quotes and doubled quotes") {
        check(
            "format: csv\ntypes: { n: int }\ncsv: { columns: [a, n, '', d] }",
            {
                {"x,12,skipped,last", R"(a="x" n=12 d="last")"},
                {R"("a ""b"", c",-1,,"")", R"(a="a \"b\", c" n=-1)"},
                {"x", R"(a="x")"},
                {"x,1,2,3,4,5", R"(a="x" n=1 d="3")"},
                {R"("open,1)", ""},
                {R"("a"b,1)", ""},
                {"", ""},
            }
        );
        check(
            "format: csv\ncsv: { header: 'a;\"b;c\";d', delimiter: semicolon }",
            {{"1;2;3", R"(a="1" b;c="2" d="3")"}, {"a;\"b;c\";d", ""}}
        );
        check(
            "format: csv\ncsv: { columns: [a, b], delimiter: tab, quote: none }",
            {{"\"x\ty", R"(a="\"x" b="y")"}}
        );
    }

    TEST_CASE("syslog of RFC 5424 with structured data") {
        check(
            "format: syslog",
            {
                {R"(<165>1 2003-10-11T22:14:15.003Z host.example.com evntslog - ID47 [ex@32473 iut="3" src="App\"l\]"][b@1] )"
                 "\xef\xbb\xbfhello",
                 R"(facility="local4" severity="notice" time="2003-10-11T22:14:15.003Z" host="host.example.com" appname="evntslog" msgid="ID47" ex@32473_iut="3" ex@32473_src="App\"l]" message="hello")"
                },
                {"<34>1 - - - - - -", R"(facility="auth" severity="crit")"},
                {"<34>1 - - - - - - text", R"(facility="auth" severity="crit" message="text")"},
                {"<192>1 - - - - - -", ""},
                {"<34>1 - - - -", ""},
                {R"(<34>1 - - - - - [a b="c)", ""},
                {"<34>1 - - - - - [", ""},
                {"<x>1 - - - - - -", ""},
            }
        );
    }

    TEST_CASE("syslog of RFC 3164 as programs write it") {
        check(
            "format: syslog",
            {
                {"<34>Oct 11 22:14:15 mymachine su[230]: 'su root' failed",
                 R"(facility="auth" severity="crit" time="Oct 11 22:14:15" host="mymachine" appname="su" procid="230" message="'su root' failed")"
                },
                {"Oct  1 22:14:15 web01 kernel: [1.2] x: y",
                 R"(time="Oct  1 22:14:15" host="web01" appname="kernel" message="[1.2] x: y")"},
                {"<13>Oct 11 22:14:15 cron[7]: no host",
                 R"(facility="user" severity="notice" time="Oct 11 22:14:15" appname="cron" procid="7" message="no host")"
                },
                {"<13>2025-12-02T03:04:05.678901+03:00 h app: x",
                 R"(facility="user" severity="notice" time="2025-12-02T03:04:05.678901+03:00" host="h" appname="app" message="x")"
                },
                {"<13>Oct 11 22:14:15 h no tag here",
                 R"(facility="user" severity="notice" time="Oct 11 22:14:15" host="h" message="no tag here")"
                },
                {"<13>hello", ""},
                {"plain", ""},
            }
        );
        const Parsed p(
            "format: syslog", {"<11>Dec 31 23:59:59 h a: x", "<15>Jan  1 00:00:01 h a: x"}
        );
        CHECK(p.batch().severity(0) == kSeverityError);
        CHECK(p.batch().severity(1) == kSeverityDebug);
        // The year is the one nearest to when it was read.
        CHECK(p.batch().ts(0).value == 1'767'225'599'000'000'000);
        CHECK(p.batch().ts(1).value == 1'767'225'601'000'000'000);
        const Parsed off(
            "format: syslog\nlevel: off\ntime: { key: off }", {"<11>Dec 31 23:59:59 h a: x"}
        );
        CHECK(off.batch().severity(0) == kSeverityUnset);
        CHECK(off.batch().ts(0).value == 1'767'225'600'000'000'000);
    }

    TEST_CASE("cri and docker") {
        check(
            "format: cri",
            {
                {"2016-10-06T00:17:09.669794202Z stdout F log content 1",
                 R"(time="2016-10-06T00:17:09.669794202Z" stream="stdout" logtag="F" message="log content 1")"
                },
                {"2016-10-06T00:17:09.669794202+03:00 stderr P ",
                 R"(time="2016-10-06T00:17:09.669794202+03:00" stream="stderr" logtag="P" message="")"
                },
                {"2016-10-06T00:17:09.669794202Z stdin F x", ""},
                {"x stdout F y", ""},
                {"2016-10-06T00:17:09.669794202Z stdout", ""},
            }
        );
        const Parsed p(
            "format: docker", {R"({"log":"a\n","stream":"stdout","time":"2025-12-31T23:59:59.5Z"})"}
        );
        CHECK(p.fields() == R"(log="a\n" stream="stdout" time="2025-12-31T23:59:59.5Z")");
        CHECK(p.batch().ts(0).value == 1'767'225'599'500'000'000);
    }

    TEST_CASE("python_logging reads the usual formats") {
        check(
            "format: python_logging",
            {
                {"2025-12-02 03:04:05,678 - app.db - INFO - done - really",
                 R"(time="2025-12-02 03:04:05,678" logger="app.db" level="INFO" message="done - really")"
                },
                {"2025-12-02 03:04:05,678 - INFO - app.db - done",
                 R"(time="2025-12-02 03:04:05,678" logger="app.db" level="INFO" message="done")"},
                {"[2025-12-02 03:04:05,678] ERROR in app: Exception on / [GET]",
                 R"(time="2025-12-02 03:04:05,678" logger="app" level="ERROR" message="Exception on / [GET]")"
                },
                {"[2025-12-02 03:04:05 +0000] [42] [INFO] Listening at: http://0.0.0.0",
                 R"(time="2025-12-02 03:04:05 +0000" level="INFO" process="42" message="Listening at: http://0.0.0.0")"
                },
                {"[2025-12-02 03:04:05,678: WARNING/MainProcess] hello",
                 R"(time="2025-12-02 03:04:05,678" level="WARNING" process="MainProcess" message="hello")"
                },
                {"2025-12-02 03:04:05,678 [DEBUG] app.x: y",
                 R"(time="2025-12-02 03:04:05,678" logger="app.x" level="DEBUG" message="y")"},
                {"2025-12-02 03:04:05,678 INFO no name here",
                 R"(time="2025-12-02 03:04:05,678" level="INFO" message="no name here")"},
                {"WARNING:root:hello: there",
                 R"(logger="root" level="WARNING" message="hello: there")"},
                {R"(INFO:     127.0.0.1:80 - "GET / HTTP/1.1" 200 OK)",
                 R"(level="INFO" message="127.0.0.1:80 - \"GET / HTTP/1.1\" 200 OK")"},
                {"hello", ""},
                {"2025-12-02 03:04:05 hello", ""},
                {"INFORMATION: x", ""},
            }
        );
    }

    TEST_CASE("python_logging reads JSON inside the message and what a traceback ends with") {
        const Parsed p(
            "format: python_logging\ntime: { timezone: '+03:00' }",
            {R"(2026-01-01 03:00:01,500 - medschedule - WARNING - {"timestamp": "2026-01-01T00:00:00.123456", "event_type": "login", "data": {"user_id": 7, "ip": "10.0.0.1"}})",
             "2026-01-01 03:00:02,000 - app - ERROR - failed\nTraceback (most recent call last):\n"
             "  File \"a.py\", line 1, in <module>\n    raise ValueError(\"bad: "
             "x\")\nmy.ValueError: bad: x",
             R"({"asctime": "2026-01-01 03:00:03,000", "name": "app", "levelname": "CRITICAL", "message": "{\"event_type\": \"x\", \"data\": {\"a\": 1}}"})",
             R"(2026-01-01 03:00:04,000 - app - INFO - {"a": 1, "b": )"}
        );
        CHECK(
            p.fields(0) ==
            R"(time="2026-01-01 03:00:01,500" logger="medschedule" level="WARNING" message="{\"timestamp\": \"2026-01-01T00:00:00.123456\", \"event_type\": \"login\", \"data\": {\"user_id\": 7, \"ip\": \"10.0.0.1\"}}" timestamp="2026-01-01T00:00:00.123456" event_type="login" data_user_id=7 data_ip="10.0.0.1")"
        );
        CHECK(p.batch().ts(0).value == 1'767'225'601'500'000'000);
        CHECK(p.batch().severity(0) == kSeverityWarn);
        CHECK(p.fields(1).ends_with(R"(exception_type="my.ValueError" exception_message="bad: x")")
        );
        CHECK(
            p.fields(2) ==
            R"(asctime="2026-01-01 03:00:03,000" name="app" levelname="CRITICAL" message="{\"event_type\": \"x\", \"data\": {\"a\": 1}}" time="2026-01-01 03:00:03,000" level="CRITICAL" logger="app" event_type="x" data_a=1)"
        );
        CHECK(level_name(p.batch().severity(2)) == "critical");
        CHECK(p.batch().ts(2).value == 1'767'225'603'000'000'000);
        CHECK(p.fields(3).ends_with(R"(message="{\"a\": 1, \"b\": ")"));
    }

    TEST_CASE("auto takes the format the first bytes speak for") {
        check(
            "format: auto",
            {
                {R"( {"a":1})", "a=1"},
                {"a=1 b=2", R"(a="1" b="2")"},
                {"<13>Oct 11 22:14:15 h a: b",
                 R"(facility="user" severity="notice" time="Oct 11 22:14:15" host="h" appname="a" message="b")"
                },
                {"Oct 11 22:14:15 h a: b",
                 R"(time="Oct 11 22:14:15" host="h" appname="a" message="b")"},
                {R"(1.1.1.1 - - [10/Oct/2000:13:55:36 -0700] "GET / H" 200 1)",
                 R"(client="1.1.1.1" time="10/Oct/2000:13:55:36 -0700" method="GET" path="/" protocol="H" status=200 bytes=1)"
                },
                {"2016-10-06T00:17:09.669794202Z stdout F x",
                 R"(time="2016-10-06T00:17:09.669794202Z" stream="stdout" logtag="F" message="x")"},
                {"2025-12-02 03:04:05,678 - app - INFO - x",
                 R"(time="2025-12-02 03:04:05,678" logger="app" level="INFO" message="x")"},
                {"Server started", ""},
                {"", ""},
                {"   ", ""},
                {"{broken", ""},
            }
        );
        Parsed p("format: auto", {"plain text", "{broken"});
        CHECK(p.metrics().find("reason=\"no_format\"} 1") != std::string::npos);
        CHECK(p.metrics().find("reason=\"bad_json\"} 1") != std::string::npos);
    }

    TEST_CASE("real system logs: syslog reads every line") {
        const auto folder = shared_path("corpora/loghub");
        if (!folder) {
            MESSAGE("skipped: no corpora beside the checkout");
            return;
        }
        for (const char* name : {"Linux_2k.log", "OpenSSH_2k.log"}) {
            std::istringstream in(read_file(*folder / name));
            std::vector<std::string> lines;
            for (std::string line; std::getline(in, line);) {
                lines.push_back(line.substr(0, line.find('\r')));
            }
            const Parsed p("format: syslog", lines);
            size_t missed = 0;
            for (size_t i = 0; i < lines.size(); ++i) {
                missed += p.batch().attrs(i).empty() ? 1 : 0;
            }
            CHECK(lines.size() == 2000);
            CHECK(missed == 0);
        }
    }
}
