// SPDX-License-Identifier: Apache-2.0
// Which lines belong together, by preset, by patterns, by states.
#include "common/multiline/rules.hpp"

#include <cstdlib>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "common/multiline/partial_lines.hpp"
#include "test/support/replay_corpus.hpp"
#include "test/support/shared.hpp"

using namespace seyir;
using namespace seyir::multiline;

namespace {

using Records = std::vector<std::string>;

struct Case {
    const char* what;
    Spec spec;
    std::string text;
    Records expected;
};

Records group(const Rules& rules, const std::string& text) {
    Records records;
    std::string open;
    bool is_open = false;
    uint16_t state = 0;
    const auto end = [&] {
        if (is_open && rules.keeps_lines()) {
            records.push_back(open);
        } else if (is_open) {
            rules.records(open, kMiB, [&](std::string_view r) { records.emplace_back(r); });
        }
        is_open = false;
    };
    for (size_t at = 0, stop; (stop = text.find('\n', at)) != std::string::npos; at = stop + 1) {
        const std::string line = text.substr(at, stop - at);
        const auto step = rules.step(state, line);
        if (step.begins) {
            end();
        }
        open = is_open ? open + "\n" + line : line;
        is_open = true;
        if (step.closes) {
            end();
        }
    }
    end();
    return records;
}

/// The values of the key `log` of lines like {"log":"text\n"}, unescaped as far as needed here.
std::string log_values(const std::string& lines) {
    std::string out;
    for (size_t at = 0; (at = lines.find("{\"log\":\"", at)) != std::string::npos;) {
        at += 8;
        for (const size_t end = lines.find("\"}", at); at < end; ++at) {
            const bool is_break = lines.compare(at, 2, "\\n") == 0;
            out += is_break ? '\n' : lines[at];
            at += is_break ? 1 : 0;
        }
    }
    return out;
}

const std::string kJavaTrace =
    "java.lang.IllegalStateException: Premature close\n"
    "\tat org.a.B.call(B.java:146)\n"
    "\t... 14 common frames omitted\n"
    "\tSuppressed: java.io.IOException: also\n"
    "\t\tat x.Y.z(Y.java:1)\n"
    "Caused by: java.net.SocketException: reset\n"
    "\tat eval at q (R.java:2)\n"
    "\t... 3 more";
const std::string kGoPanic =
    "panic: my panic\n"
    "\n"
    "goroutine 4 [running]:\n"
    "panic(0x45cb40, 0x47ad70)\n"
    "\t/usr/local/go/src/runtime/panic.go:542 +0x46c fp=0xc42003f7b8\n"
    "main.main.func1(0xc420024120)\n"
    "\tfoo.go:6 +0x39 fp=0xc42003f7d8\n"
    "created by main.main\n"
    "\tfoo.go:5 +0x58\n"
    "\n"
    "goroutine 1 [chan receive]:\n"
    "main.main()\n"
    "\tfoo.go:9 +0x66\n"
    "exit status 2";
const std::string kPythonTrace =
    "ERROR:root:oh Traceback (most recent call last):\n"
    "  File \"/a/b.py\", line 1535, in __call__\n"
    "    rv = self.handle_exception(request, response, e)\n"
    "ValueError: first\n"
    "\n"
    "During handling of the above exception, another exception occurred:\n"
    "\n"
    "Traceback (most recent call last):\n"
    "  File \"/a/b.py\", line 1, in f\n"
    "my.module.Error";

const std::vector<Case> kCases{
    {"java",
     {.preset = "java"},
     "before\n" + kJavaTrace + "\nafter\nlast\n",
     {"before", kJavaTrace, "after", "last"}},
    {"java keeps carriage returns",
     {.preset = "java"},
     "a\r\n\tat b\r\nc\r\n",
     {"a\r\n\tat b\r", "c\r"}},
    {"go", {.preset = "go"}, "x\n" + kGoPanic + "\ny\n\tz\n", {"x", kGoPanic, "y", "\tz"}},
    {"go: a panic in a server",
     {.preset = "go"},
     "2019/01/15 07:48:05 http: panic serving [::1]:54143: oh\ngoroutine 24 [running]:\n"
     "net/http.(*conn).serve.func1(0xc00007eaa0)\n\tserver.go:1746 +0xd0\nnext line\n",
     {"2019/01/15 07:48:05 http: panic serving [::1]:54143: oh\ngoroutine 24 [running]:\n"
      "net/http.(*conn).serve.func1(0xc00007eaa0)\n\tserver.go:1746 +0xd0",
      "next line"}},
    {"python",
     {.preset = "python"},
     "a\n" + kPythonTrace + "\nb\n  c\n",
     {"a", kPythonTrace, "b", "  c"}},
    {"ruby",
     {.preset = "ruby"},
     "/app/a.rb:6:in `/': divided by 0 (ZeroDivisionError)\n\tfrom /app/a.rb:6:in `b'\n"
     "\tfrom /app/c.rb:2:in `<main>'\nhello\n",
     {"/app/a.rb:6:in `/': divided by 0 (ZeroDivisionError)\n\tfrom /app/a.rb:6:in `b'\n"
      "\tfrom /app/c.rb:2:in `<main>'",
      "hello"}},
    {"dotnet",
     {.preset = "dotnet"},
     "System.Exception: a\n ---> System.Exception: b\n   at C.D() in C.cs:line 3\n"
     "   --- End of inner exception stack trace ---\n   at E.F()\ninfo: ok\n",
     {"System.Exception: a\n ---> System.Exception: b\n   at C.D() in C.cs:line 3\n"
      "   --- End of inner exception stack trace ---\n   at E.F()",
      "info: ok"}},
    {"start alone",
     {.start = R"(^\[)"},
     "lead\nmore\n[1] a\nb\n\n[2]\n",
     {"lead\nmore", "[1] a\nb\n", "[2]"}},
    {"continue alone", {.cont = R"(^\s)"}, " a\nb\n c\n d\ne\n", {" a", "b\n c\n d", "e"}},
    {"end alone",
     {.end = ";$"},
     "select\n1;\nselect 2;\nrest\n",
     {"select\n1;", "select 2;", "rest"}},
    {"start and continue",
     {.start = "^E", .cont = "^ "},
     " x\nE\n a\nb\n c\nE\n",
     {" x", "E\n a", "b", " c", "E"}},
    {"start and end",
     {.start = "^BEGIN", .end = "^END"},
     "x\nBEGIN\na\nBEGIN\nEND\ny\n",
     {"x", "BEGIN\na\nBEGIN\nEND", "y"}},
    {"states",
     {.rules = {{{"start_state"}, "^1", "two"}, {{"two"}, "^2", "three"}, {{"three"}, "^3", "end"}}
     },
     "1\n2\n3\n3\n1\n2\n1\n",
     {"1\n2\n3", "3", "1\n2", "1"}},
    {"docker",
     {.preset = "docker"},
     R"({"log":"Single ","stream":"stdout","time":"1"})"
     "\n"
     R"({"log":"err \\n","stream":"stderr","time":"2"})"
     "\n"
     R"({"log":"line\n","stream":"stdout","time":"3"})"
     "\n"
     R"({"log":"or\n","stream":"stderr","time":"4"})"
     "\n"
     R"({"log":"whole \"x\"\n","stream":"stdout","time":"5"})"
     "\n",
     {R"({"log":"Single line\n","stream":"stdout","time":"1"})",
      R"({"log":"err \\nor\n","stream":"stderr","time":"2"})",
      R"({"log":"whole \"x\"\n","stream":"stdout","time":"5"})"}},
    {"lines that are not CRI stand alone",
     {.preset = "cri"},
     "hello\nT stdout X a\nT stdout F\nT stdout P a\n",
     {"hello", "T stdout X a", "T stdout F", "T stdout P a"}},
    {"CRI tags", {.preset = "cri"}, "T stderr P:x a\nT stderr F b\n", {"T stderr F:x ab"}},
};

}  // namespace

TEST_SUITE("multiline/rules") {
    TEST_CASE("lines are grouped as the rules say") {
        for (const Case& c : kCases) {
            CAPTURE(c.what);
            const auto rules = Rules::compile(c.spec);
            REQUIRE_MESSAGE(rules, rules.error().message);
            CHECK(group(**rules, c.text) == c.expected);
        }
    }

    TEST_CASE("every preset that is offered compiles") {
        for (const Preset& preset : Rules::presets()) {
            CAPTURE(preset.name);
            CHECK(Rules::compile({.preset = std::string(preset.name)}));
        }
    }

    TEST_CASE("rules that cannot work are refused with the reason") {
        const struct {
            Spec spec;
            const char* says;
        } cases[] = {
            {{}, "give one of"},
            {{.preset = "java", .start = "x"}, "give one of"},
            {{.preset = "perl"}, "there is no preset `perl`"},
            {{.start = "(?!x)"}, "`(?!x)`: invalid perl operator"},
            {{.cont = "a", .end = "b"}, "needs `start`"},
            {{.rules = {{{"a"}, "x", "b"}}}, "no rule begins a group"},
            {{.rules = {{{"start"}, "x", "b"}, {{"c"}, "y", "b"}}},
             "no rule leads to a state that `y`"},
            {{.rules = {{{"start"}, "x", "start"}}}, "cannot lead to `start`"},
        };

        for (const auto& c : cases) {
            const auto rules = Rules::compile(c.spec);
            REQUIRE(!rules);
            CAPTURE(rules.error().message);
            CHECK(rules.error().message.find(c.says) != std::string::npos);
        }
        Spec many;
        for (int i = 0; i < 40; ++i) {
            many.rules.push_back(
                {{i == 0 ? "start" : "s" + std::to_string(i)}, "x", "s" + std::to_string(i + 1)}
            );
        }
        CHECK(!Rules::compile(many));
    }

    TEST_CASE("the first byte never decides otherwise than the pattern") {
        const std::vector<std::string> patterns{
            R"(^\d{4})",
            R"(^[\t ]+at )",
            "^(?i)error",
            "^$",
            "^",
            "x",
            R"(^(?:a|\[|é))",
            "^[^a-z]",
            R"(^\W)"
        };
        for (const std::string& pattern : patterns) {
            CAPTURE(pattern);
            const auto narrow = *Rules::compile({.start = pattern});
            const auto broad = *Rules::compile({.start = "(?:" + pattern + ")"});
            for (int byte = 0; byte < 256; ++byte) {
                CAPTURE(byte);
                for (const char* rest : {"", "000 x", "\t at ", "rror", "\xa9"}) {
                    const std::string line = std::string(1, static_cast<char>(byte)) + rest;
                    uint16_t a = 1;
                    uint16_t b = 1;
                    CHECK(narrow->step(a, line).begins == broad->step(b, line).begins);
                }
            }
            uint16_t a = 1;
            uint16_t b = 1;
            CHECK(narrow->step(a, "").begins == broad->step(b, "").begins);
        }
    }

    TEST_CASE("a record put together of parts ends at bytes_max and goes on as another") {
        const auto rules = *Rules::compile({.preset = "cri"});
        Records records;
        const std::string part = "T stdout P " + std::string(100, 'x');
        rules->records(part + "\n" + part + "\n" + part, 250, [&](std::string_view r) {
            records.emplace_back(r);
        });
        REQUIRE(records.size() == 2);
        CHECK(records[0].size() == 11 + 200);
        CHECK(records[1].size() == 11 + 100);
    }

    TEST_CASE("Fluent Bit's fixtures of split Docker lines and of a regex parser") {
        const auto tail = seyir::test::shared_path("corpora/fluentbit/tail");
        if (!tail) {
            MESSAGE("skipped: corpora/fluentbit is not there");
            return;
        }
        const auto docker = *Rules::compile({.preset = "docker"});
        CHECK(
            group(*docker, seyir::test::read_file(*tail / "log/dockermode_splitted_line.log")) ==
            Records{
                R"({"log":"2020-03-24 Single line\n"})",
                R"({"log":"2020-03-24 Another single line\n"})"
            }
        );
        // [MULTILINE_PARSER] exception_test of tail/parsers_multiline.conf, on the key `message`.
        const auto rules = *Rules::compile(
            {.rules =
                 {{{"start_state"}, R"((Dec \d+ \d+\:\d+\:\d+)(.*))", "cont"},
                  {{"cont"}, R"(^\s+at.*)", "cont"}}}
        );
        std::string text;
        const std::string log = seyir::test::read_file(*tail / "log/multiline_001.log");
        for (size_t at = 0; (at = log.find("\"message\":\"", at)) != std::string::npos;) {
            at += 11;
            text += log.substr(at, log.find("\"}", at) - at) + "\n";
        }
        const Records records = group(*rules, text);
        REQUIRE(records.size() == 1);
        CHECK(records[0] + "\n" == text);
    }

    TEST_CASE("Fluent Bit's Docker fixtures: parts are put together, then lines by their start") {
        const auto tail = seyir::test::shared_path("corpora/fluentbit/tail");
        if (!tail) {
            MESSAGE("skipped: corpora/fluentbit is not there");
            return;
        }
        const auto docker = *Rules::compile({.preset = "docker"});
        // Docker_Mode_Parser docker_multiline of tail/parsers.conf, on the text itself.
        const auto dated =
            *Rules::compile({.start = R"(^\d{4}-\d{2}-\d{2})", .cont = R"(^(?:\D|$))"});
        for (const char* name :
             {"dockermode",
              "dockermode_splitted_line",
              "dockermode_multiple_lines",
              "dockermode_splitted_multiple_lines",
              "dockermode_firstline_detection"}) {
            CAPTURE(name);
            const std::string file = std::string(name) + ".";
            const std::string log = seyir::test::read_file(*tail / "log" / (file + "log"));
            std::string whole;
            for (const std::string& record : group(*docker, log)) {
                whole += record + "\n";
            }
            std::string theirs;
            std::string ours;
            const std::string out = seyir::test::read_file(*tail / "out" / (file + "out"));
            for (size_t at = 0, end; at < out.size(); at = end + 1) {
                end = std::min(out.find('\n', at), out.size());
                theirs += "[" + log_values(out.substr(at, end - at)) + "]";
            }
            for (const std::string& record : group(*dated, log_values(whole))) {
                ours += "[" + record + "\n]";
            }
            CHECK(ours == theirs);
        }
    }

    TEST_CASE("the fuzz corpus runs clean") {
        const char* root = std::getenv("SEYIR_SOURCE_ROOT");
        REQUIRE(root != nullptr);
        CHECK(test::replay_corpus(std::string(root) + "/test/fuzz/corpus/multiline") >= 2);
    }
}
