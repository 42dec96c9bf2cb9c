// SPDX-License-Identifier: Apache-2.0
// The fence around scripts: what they reach, what they may use up, how mistakes are shown.
#include <cstdlib>
#include <fstream>

#include "plugins/filter/lua/script/pattern.hpp"
#include "test/support/replay_corpus.hpp"
#include "test/support/temp_dir.hpp"
#include "test/unit/filter_lua/lua_fixture.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

std::string run_once(const std::string& body, const std::string& options = "call: cb") {
    LuaFixture f("function cb(tag, ts, r)\n" + body + "\nreturn 2, ts, r end", options);
    BatchMaker m;
    m.row("x");
    return through(f, m);
}

std::string diagnostics_of(std::string_view yaml, bool looks = true) {
    FilterFixture f(plugins::lua_filter_type(), yaml, looks);
    return f.diagnostics();
}

}  // namespace

TEST_SUITE("plugins/filter/lua/script") {
    TEST_CASE("nothing that reaches outside is there") {
        for (const char* name :
             {"io",          "debug",      "ffi",          "package",    "jit",
              "require",     "module",     "load",         "loadstring", "loadfile",
              "dofile",      "newproxy",   "getfenv",      "setfenv",    "collectgarbage",
              "string.dump", "os.execute", "os.remove",    "os.rename",  "os.getenv",
              "os.exit",     "os.tmpname", "os.setlocale", "coroutine"}) {
            CAPTURE(name);
            CHECK(run_once("r.v = type(" + std::string(name) + ")") == R"(x | v="nil")");
        }
        CHECK(
            run_once("r.v = type(os.time()) .. type(os.date('%Y')) .. type(math.floor(1.5))") ==
            R"(x | v="numberstringnumber")"
        );
        CHECK(run_once("r.v = tostring(getmetatable(''))") == R"(x | v="false")");
    }

    TEST_CASE("FLB_ENV holds the variables that were named, and no others") {
        ::setenv("SEYIR_TEST_TEAM", "web", 1);
        CHECK(
            run_once(
                "r.v = FLB_ENV.SEYIR_TEST_TEAM .. tostring(FLB_ENV.PATH)",
                "call: cb\nenv: [SEYIR_TEST_TEAM]"
            ) == R"(x | v="webnil")"
        );
    }

    TEST_CASE("an endless script is stopped soon, however it hides") {
        for (const char* code :
             {"while true do end",
              "while true do pcall(function() while true do end end) end",
              "xpcall(function() while true do end end, function() while true do end end)",
              "repeat until false",
              "local function f() return f() end f()",
              "local t = setmetatable({}, {__index = function(t, k) return t[k .. 'x'] end}) r.v = "
              "t.x",
              "while true do string.rep('x', 1000000) end",
              "local t = {} for i = 1, 60 do t[i] = ('x'):rep(1000000 - i) end while true do "
              "table.concat(t) end",
              "local s = ('a'):rep(30) r.v = s:find(('a?'):rep(30) .. s)",
              "local s = ('a'):rep(20000) r.v = s:match('.-.-.-.-.-.-b')",
              "local s = ('a'):rep(20000) r.v = s:gsub('.-.-.-.-b', '')",
              "local s = ('a'):rep(20000) for w in s:gmatch('.-.-.-.-b') do end",
              "local s = ('('):rep(1000000) while true do s:find('%b()') end",
              "while true do ('x'):rep(1000000):find('yy', 1, true) end"}) {
            CAPTURE(code);
            const std::string got = run_once(code, "call: cb\nmax_instructions: 20000000");
            CHECK(got.starts_with("failed: "));
        }
    }

    TEST_CASE("one record that takes too long does not take the others with it") {
        LuaFixture f(
            "function cb(t, ts, r) while r.log == 'bad' do end return 2, ts, r end",
            "call: cb\nmax_instructions: 10000000"
        );
        BatchMaker m;
        m.row("a");
        m.row("bad");
        m.row("b");
        REQUIRE(f.process(m.finish()));
        CHECK(f.sink.lines() == std::vector<std::string>{"a", "b"});
        REQUIRE(f.sink.failed.size() == 1);
        CHECK(f.sink.failed[0].code == "lua_limit");
    }

    TEST_CASE("many such records end the batch's budget; the next batch has its own") {
        LuaFixture f(
            "function cb(t, ts, r) while r.log == 'bad' do end return 2, ts, r end",
            "call: cb\nmax_instructions: 1000000"
        );
        BatchMaker m;
        for (int i = 0; i < 1'000; ++i) {
            m.row("bad");
        }
        REQUIRE(f.process(m.finish()));
        CHECK(f.sink.failed_rows() == 1'000);
        f.sink.failed.clear();
        m = BatchMaker();
        m.row("good");
        CHECK(through(f, m) == "good | ");
    }

    TEST_CASE("memory ends at max_memory, and the script starts anew when it kept too much") {
        LuaFixture f(
            "kept = {}\nfunction cb(t, ts, r)\n"
            "  if r.log == 'hoard' then while true do kept[#kept + 1] = ('x'):rep(1000) .. #kept "
            "end end\n"
            "  r.kept = #kept return 2, ts, r\nend",
            "call: cb\nmax_memory: 4MiB"
        );
        BatchMaker m;
        m.row("hoard");
        CHECK(through(f, m) == "failed: under_test: more memory than `max_memory` (4 MiB) allows");
        m = BatchMaker();
        m.row("x");
        CHECK(through(f, m) == "x | kept=0");
        CHECK(
            run_once("('x'):rep(2000000)") ==
            "failed: under_test:2: string.rep: the result is larger than 1 MiB"
        );
    }

    TEST_CASE("garbage alone does not end at the limit") {
        LuaFixture f(
            "function cb(t, ts, r) local g = {} for i = 1, 100 do g[i] = r.log .. i end "
            "return 2, ts, r end",
            "call: cb\nmax_memory: 2MiB"
        );
        for (int round = 0; round < 20; ++round) {
            BatchMaker m;
            for (int i = 0; i < 500; ++i) {
                m.row(std::string(100, 'x') + std::to_string(round * 1000 + i));
            }
            REQUIRE(f.process(m.finish()));
        }
        CHECK(f.sink.failed_rows() == 0);
        CHECK(f.sink.emitted_rows() == 10'000);
    }

    TEST_CASE("instances share nothing") {
        LuaFixture f("n = 0 function cb(t, ts, r) n = n + 1 r.n = n return 2, ts, r end");
        auto other = f.another();
        REQUIRE(other);
        BatchMaker m;
        m.row("x");
        CHECK(through(f, m) == "x | n=1");
        m = BatchMaker();
        m.row("x");
        f.sink.emitted.clear();
        REQUIRE((*other)->process({m.finish(), {}}, f.sink));
        CHECK(fields_text(*f.sink.emitted.at(0).batch, 0) == "n=1");
    }

    TEST_CASE("mistakes are shown at their line of the YAML") {
        CHECK(
            diagnostics_of("type: lua\ncall: cb\ncode: |\n  function cb()\n    local x = = 1\n  end"
            )
                .find("test.yaml:7:9") != std::string::npos
        );
        CHECK(
            diagnostics_of("type: lua\ncode: |\n  local a = 1\n  a.b.c = 2\n")
                .find("test.yaml:6:5") == std::string::npos
        );
        const std::string run = diagnostics_of("type: lua\ncode: |\n  local a = 1\n  a.b.c = 2\n");
        CHECK(run.find("test.yaml:6:7") != std::string::npos);
        CHECK(run.find("E0430") != std::string::npos);
    }

    TEST_CASE("a configuration that cannot work is refused") {
        struct {
            const char* yaml;
            const char* says;
        } const cases[] = {
            {"type: lua", "has none of `script` and `code`"},
            {"type: lua\ncode: 'x = 1'\nscript: /a.lua", "has both of `script` and `code`"},
            {"type: lua\ncode: 'x = 1'", "defines no global function `process`"},
            {"type: lua\ncode: 'x = 1'\ncall: cb", "defines no global function `cb`"},
            {"type: lua\ncode: 'function process() end'\nprotected_mode: false",
             "`protected_mode` of `under_test` cannot be off"},
            {"type: lua\ncode: 'while true do end'\n", "max_instructions"},
            {"type: lua\ncode: 'local t = {} while true do t[#t+1] = {} end'\nmax_memory: 1MiB",
             "max_memory"},
            {"type: lua\nscript: /nonexistent/x.lua", "/nonexistent/x.lua"},
            {"type: lua\ncode: \"\\x1bLJ\\x02\"", "E0430"},
        };

        for (const auto& c : cases) {
            CAPTURE(c.yaml);
            CHECK(diagnostics_of(c.yaml).find(c.says) != std::string::npos);
        }
        CHECK(
            diagnostics_of("type: lua\nscript: /nonexistent/x.lua", false).find("E0") ==
            std::string::npos
        );
    }

    TEST_CASE("a script file's mistakes name file and line, and it is read again by a new plan") {
        TempDir dir;
        const std::string path = dir.path() + "/team.lua";
        std::ofstream(path) << "function process(batch)\n  error('first')\nend\n";
        const std::string yaml = "type: lua\nscript: " + path;
        FilterFixture f(plugins::lua_filter_type(), yaml);
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        BatchMaker m;
        m.row("x");
        REQUIRE(f.process(m.finish()));
        CHECK(f.sink.failed.at(0).message == "team.lua:2: first");
        std::ofstream(path) << "function process(batch)\n\n  error('second')\nend\n";
        auto again = f.another();
        REQUIRE(again);
        m = BatchMaker();
        m.row("x");
        REQUIRE((*again)->process({m.finish(), {}}, f.sink));
        CHECK(f.sink.failed.at(1).message == "team.lua:3: second");
    }

    TEST_CASE("patterns do what Lua's manual says") {
        struct {
            const char* expression;
            const char* result;
        } const cases[] = {
            {"('hello world'):find('o w')", "5 7"},
            {"('hello'):find('l+')", "3 4"},
            {"('hello'):find('(l)(l)')", "3 4 l l"},
            {"('hello'):find('xyz')", "nil"},
            {"('a.b'):find('.', 1, true)", "2 2"},
            {"('a.b'):find('%.')", "2 2"},
            {"('key = value'):match('^(%w+)%s*=%s*(%w+)$')", "key value"},
            {"('  trim  '):match('^%s*(.-)%s*$')", "trim"},
            {"('f(a(b)c)d'):match('%b()')", "(a(b)c)"},
            {"('THE (quick) fox'):find('%((%a+)%)')", "5 11 quick"},
            {"('hello'):match('()ll()')", "3 5"},
            {"('abc'):gsub('%w', '%0%0')", "aabbcc 3"},
            {"('hello world'):gsub('o', '0', 1)", "hell0 world 1"},
            {"('abc'):gsub('', '-')", "-a-b-c- 4"},
            {"('$name is $age'):gsub('%$(%w+)', {name='Al', age=5})", "Al is 5 2"},
            {"('abc'):gsub('%w', function(c) if c == 'b' then return 'X' end end)", "aXc 3"},
            {"('THE (quick) fox'):gsub('%f[%a]%a+', 'w')", "w (w) w 3"},
            {"('\"a\" and \"b\"'):match('([\"\\'])(.-)%1')", "\" a"},
            {"('x]y'):match('[]]')", "]"},
            {"('x^y'):match('[x^]+')", "x^"},
            {"('a-b'):match('[a%-]+')", "a-"},
            {"('0x1F'):match('%x+', 3)", "1F"},
            {"('äö'):len()", "4"},
            {"('abc'):find('b', -1)", "nil"},
            {"('abc'):find('', 10)", "nil"},
            {"('abc'):find('', 4)", "4 3"},
            {"('a,b,,c'):gsub(',', ';')", "a;b;;c 3"},
            {"('abc'):rep(3, '-')", "abc-abc-abc"},
            {"pcall(string.find, 'a', '[a')", "false malformed pattern (missing ']')"},
            {"pcall(string.find, 'a', '%')", "false malformed pattern (ends with '%')"},
            {"pcall(string.find, 'a', '(a')", "false unfinished capture"},
            {"pcall(string.match, 'a', 'a)')", "false invalid pattern capture (')' without '(')"},
            {"pcall(string.find, 'a', '%1')", "false invalid capture index"},
        };

        for (const auto& c : cases) {
            CAPTURE(c.expression);
            LuaFixture f(
                "function cb(t, ts, r)\nlocal out = {" + std::string(c.expression) +
                "}\nfor i = 1, 5 do if out[i] ~= nil or i == 1 then out[i] = tostring(out[i]) end "
                "end\n"
                "r.log = table.concat(out, ' ') return 2, ts, r end"
            );
            BatchMaker m;
            m.row("x");
            CHECK(through(f, m) == std::string(c.result) + " | ");
        }
        LuaFixture f(
            "function cb(t, ts, r) local o = {} for k, v in r.log:gmatch('(%w+)=(%w+)') do "
            "o[k] = v end o.log = '' return 2, ts, o end"
        );
        BatchMaker m;
        m.row("a=1, b=2;c=");
        CHECK(through(f, m) == R"( | a="1" b="2")");
    }

    TEST_CASE("the fuzz corpus runs clean") {
        const char* root = std::getenv("SEYIR_SOURCE_ROOT");
        REQUIRE(root != nullptr);
        CHECK(test::replay_corpus(std::string(root) + "/test/fuzz/corpus/lua") >= 2);
    }
}
