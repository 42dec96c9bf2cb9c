// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "test/support/shared.hpp"
#include "test/support/temp_dir.hpp"
#include "test/unit/filter_parse/parse_fixture.hpp"

using namespace seyir;
using namespace seyir::test;
using plugins::parse::GrokSet;
using plugins::parse::Library;

namespace {

constexpr const char* kCombined =
    R"X(112.144.86.206 - - [01/Jan/2026:00:00:00 +0000] "GET /api/v1/users/me HTTP/1.1" 200 601 "https://shop.example.com/watch/799" "Mozilla/5.0 (iPhone)")X";
constexpr const char* kCombinedFields =
    R"X(clientip="112.144.86.206" timestamp="01/Jan/2026:00:00:00 +0000" verb="GET" request="/api/v1/users/me" httpversion="1.1" response="200" bytes="601" referrer="\"https://shop.example.com/watch/799\"" agent="\"Mozilla/5.0 (iPhone)\"")X";

std::string grok(const std::string& pattern, const std::string& line) {
    return parsed("format: grok\npattern: '" + pattern + "'", line);
}

/// Patterns of the shared files that PCRE2 refuses, by set and name, with the reason.
struct Refused {
    std::string_view name;
    std::string_view reason;
};

const std::vector<Refused> kRefused{};

}  // namespace

TEST_SUITE("plugins/filter/parse") {
    TEST_CASE("grok: fields, types, nested names and named groups") {
        struct Case {
            std::string pattern, line, fields;
        };

        const std::vector<Case> cases{
            {"%{IP:client} %{WORD:[http][method]} %{NUMBER:took:float} %{INT:n:int}",
             "10.0.0.1 GET 1.5 -7",
             R"(client="10.0.0.1" http_method="GET" took=1.5 n=-7)"},
            {"^(?<word>\\w+)(?: (?<opt>x))?$", "hello", R"(word="hello")"},
            {"%{DATA:a}:%{GREEDYDATA:b}", "x:y:z", R"(a="x" b="y:z")"},
            {"(a|b)%{INT:n}", "b12", R"(n="12")"},
            {"%{NOTSPACE:x}", "caf\xc3\xa9 y", "x=\"caf\xc3\xa9\""},
            {"^(?<x>.{4}) ", "caf\xc3\xa9 y", "x=\"caf\xc3\xa9\""},
            {"^%{WORD:x} ", "caf\xe9 y", ""},
            {"%{IPV6:x}", "addr ::1 end", R"(x="::1")"},
            {"^%{IP:x}$", "2001:db8::ff00:42:8329", R"(x="2001:db8::ff00:42:8329")"},
            {"^%{IP:x}$", "::ffff:192.168.0.1", R"(x="::ffff:192.168.0.1")"},
            {"^%{IP:x}$", "1:2:3:4:5:6:7:8:9", ""},
            {"^%{IP:x}$", "1.2.3.256", ""},
            {"^%{QS:x}$", R"("a \"b\" c")", R"(x="\"a \\\"b\\\" c\"")"},
            {"^%{EMAILADDRESS:x}$", "a.b+c@example.org", R"(x="a.b+c@example.org")"},
            {"^%{URI:x}$",
             "https://u@h.example:8080/p/a?q=1&r=2",
             R"(x="https://u@h.example:8080/p/a?q=1&r=2")"},
            {"^%{TIMESTAMP_ISO8601:x}$",
             "2026-01-02T03:04:05.678+03:00",
             R"(x="2026-01-02T03:04:05.678+03:00")"},
            {"^%{UUID:x}$",
             "7b7f4f86-5264-494a-a894-7b3292c7e753",
             R"(x="7b7f4f86-5264-494a-a894-7b3292c7e753")"},
            {"%{SYSLOGLINE}",
             "Oct 11 22:14:15 web01 sshd[42]: Failed password",
             R"(timestamp="Oct 11 22:14:15" logsource="web01" program="sshd" pid="42" message="Failed password")"
            },
            {"%{LOGLEVEL:l}", "a WARNING b", R"(l="WARNING")"},
            {"%{COMBINEDAPACHELOG}", kCombined, kCombinedFields},
            {"%{COMBINEDAPACHELOG}", "nothing like it", ""},
        };
        for (const Case& c : cases) {
            CAPTURE(c.pattern);
            CAPTURE(c.line);
            CHECK(grok(c.pattern, c.line) == c.fields);
        }
    }

    TEST_CASE("grok: own patterns, from the configuration and from files") {
        CHECK(
            parsed(
                "format: grok\npattern: '%{ORDER:o}'\npatterns: { ORDER: 'ord-%{INT}' }", "ord-12"
            ) == R"(o="ord-12")"
        );
        TempDir dir;
        REQUIRE(io::write_file_atomically(
            io::posix_file_system(), dir.path() + "/mine", "# c\n\nTHING [a-z]+\r\n"
        ));
        CHECK(
            parsed("format: grok\npattern: '%{THING:t}'\npatterns_dir: " + dir.path(), "12 abc") ==
            R"(t="abc")"
        );
        // Offline the directory is not looked at, so the unknown name is no mistake yet.
        const FilterFixture offline(
            plugins::parse_filter_type(),
            "type: parse\nformat: grok\npattern: '%{NOT_HERE:t}'\npatterns_dir: /nowhere",
            false
        );
        CHECK(offline.diagnostics().find("/nowhere") != std::string::npos);  // instantiate says it
    }

    TEST_CASE("grok: mistakes name the pattern") {
        struct Case {
            const char* yaml;
            const char* words;
        };

        for (const Case& c :
             {Case{"pattern: '%{IPP:x}'", "there is no pattern IPP; did you mean IP"},
              {"pattern: '%{IP:x:money}'", "there is no type money"},
              {"pattern: '%{A}'\npatterns: { A: '%{B}', B: '%{A}' }", "refers to itself"},
              {"pattern: '(?<x>a'", "missing closing parenthesis"},
              {"pattern: '%{A:x}'\npatterns: { A: '%{B}%{B}%{B}%{B}', B: "
               "'%{C}%{C}%{C}%{C}%{C}%{C}%{C}%{C}', C: '%{D}%{D}%{D}%{D}%{D}%{D}%{D}%{D}%{D}', D: "
               "'%{E}%{E}%{E}%{E}%{E}%{E}%{E}%{E}%{E}%{E}', E: "
               "'%{IPV6}%{IPV6}%{IPV6}%{IPV6}%{IPV6}%{IPV6}' }",
               "more than 256 KiB"}}) {
            CAPTURE(c.yaml);
            const FilterFixture f(
                plugins::parse_filter_type(), std::string("type: parse\nformat: grok\n") + c.yaml
            );
            CAPTURE(f.diagnostics());
            CHECK(f.diagnostics().find(c.words) != std::string::npos);
        }
    }

    TEST_CASE("grok: an expression that explodes is a miss, soon") {
        Parsed p(
            "format: grok\npattern: '^(x+x+)+[yz]%{GREEDYDATA:d}'\nlimits: { regex_steps: 10000 }",
            {std::string(60, 'x'), "xxy!"}
        );
        CHECK(p.fields(0) == "");
        CHECK(p.fields(1) == R"(d="!")");
        CHECK(p.metrics().find("reason=\"regex_limit\"} 1") != std::string::npos);
    }

    TEST_CASE("grok gives the same where memory may not be made executable") {
        // In a process of its own: the ban cannot be taken back.
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            constexpr int kSetMdwe = 65;  // PR_SET_MDWE, Linux 6.3
            if (prctl(kSetMdwe, 1UL, 0UL, 0UL, 0UL) != 0) {
                _exit(77);
            }
            const auto set = GrokSet::compile({"%{COMBINEDAPACHELOG}"}, Library());
            RecordBatch batch;
            plugins::parse::FieldWriter writer({});
            writer.begin_batch(batch);
            writer.begin_row({});
            plugins::parse::GrokParser parser(*set, 1'000'000);
            const bool hit = !parser.parse(kCombined, writer);
            _exit(hit && writer.attrs().size() == 9 && !(*set)->is_machine_code() ? 0 : 1);
        }
        int status = 0;
        REQUIRE(waitpid(child, &status, 0) == child);
        REQUIRE(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77) {
            MESSAGE("skipped: this kernel cannot forbid it");
            return;
        }
        CHECK(WEXITSTATUS(status) == 0);
    }

    TEST_CASE("every built-in pattern compiles") {
        const Library library;
        for (const std::string& name : library.names()) {
            CAPTURE(name);
            const auto set = GrokSet::compile({"%{" + name + "}"}, library);
            CHECK_MESSAGE(set, (set ? "" : set.error().message));
        }
    }

    TEST_CASE("the shared pattern files: every pattern compiles, or is listed with its reason") {
        const auto folder = shared_path("corpora/grok");
        if (!folder) {
            MESSAGE("skipped: no corpora beside the checkout");
            return;
        }
        size_t compiled = 0;
        for (const char* set_name : {"ecs-v1", "legacy"}) {
            Library library;
            for (const auto& entry : std::filesystem::directory_iterator(*folder / set_name)) {
                const auto added = library.add_file(read_file(entry.path()));
                CHECK_MESSAGE(added, entry.path());
            }
            for (const std::string& name : library.names()) {
                CAPTURE(name);
                const auto set = GrokSet::compile({"%{" + name + "}"}, library);
                const std::string key = std::string(set_name) + "/" + name;
                const auto refused = std::ranges::find(kRefused, key, &Refused::name);
                if (refused == kRefused.end()) {
                    CHECK_MESSAGE(set, (set ? "" : set.error().message));
                    compiled += set ? 1 : 0;
                } else {
                    REQUIRE_FALSE(set);
                    CHECK(set.error().message.find(refused->reason) != std::string::npos);
                }
            }
            CHECK(library.find("COMBINEDAPACHELOG") != nullptr);
        }
        CHECK(compiled > 500);
    }

    TEST_CASE("the shared pattern files read what they are for") {
        const auto folder = shared_path("corpora/grok/ecs-v1");
        if (!folder) {
            MESSAGE("skipped: no corpora beside the checkout");
            return;
        }
        CHECK(
            parsed(
                "format: grok\npattern: '%{COMBINEDAPACHELOG}'\npatterns_dir: " + folder->string(),
                kCombined
            ) ==
            R"X(source_address="112.144.86.206" timestamp="01/Jan/2026:00:00:00 +0000" http_request_method="GET" url_original="/api/v1/users/me" http_version="1.1" http_response_status_code=200 http_response_body_bytes=601 http_request_referrer="https://shop.example.com/watch/799" user_agent_original="Mozilla/5.0 (iPhone)")X"
        );
        CHECK(
            parsed(
                "format: grok\npattern: '^%{UNIXPATH:p}$'\npatterns_dir: " + folder->string(),
                "/var/log/a%b_[x"
            ) == ""
        );
        CHECK(
            parsed(
                "format: grok\npattern: '^%{UNIXPATH:p}$'\npatterns_dir: " + folder->string(),
                "/var/log/a%b_x"
            ) == R"(p="/var/log/a%b_x")"
        );
    }
}
