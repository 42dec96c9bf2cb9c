// SPDX-License-Identifier: Apache-2.0
// The native mode: process(batch) with rows as proxies.
#include "test/unit/filter_lua/lua_fixture.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

struct Case {
    const char* what;
    const char* code;
    std::string expected;
};

const std::vector<Case> kCases{
    {"nothing touched, nothing changed", "", R"(hello | status~200 path~"/a")"},
    {"fields are read and set",
     "row.status = row.status + 1 row.team = 'web'",
     R"(hello | status=201 path~"/a" team="web")"},
    {"an equal value keeps its flag", "row.status = 200", R"(hello | status~200 path~"/a")"},
    {"nil removes", "row.path = nil row.nothing = nil", "hello | status~200"},
    {"a row sees its own changes",
     "row.n = 1 row.n = row.n + 1 row.path = nil row.p = tostring(row.path)",
     R"(hello | status~200 n=2 p="nil")"},
    {"the line", "row.line = row.line:upper()", R"(HELLO | status=200 path="/a")"},
    {"names the proxy uses",
     "row:set('line', 'L') row.x = row:get('line')",
     R"(hello | status~200 path~"/a" line="L" x="L")"},
    {"labels", "row.app = row.labels.app", R"(hello | status~200 path~"/a" app="shop")"},
    {"count", "row.n = batch:count() + #batch", R"(hello | status~200 path~"/a" n=2)"},
    {"drop", "row:drop('too_old')", "dropped"},
    {"emit", "row:emit{line='second', a=1} row:drop()", "second | a=1"},
    {"emit takes the row's line", "row:emit{b=2}", "hello | status~200 path~\"/a\"\nhello | b=2"},
    {"fields as a table",
     "local n = 0 for k, v in pairs(row:fields()) do n = n + 1 end row.n = n",
     R"(hello | status~200 path~"/a" n=2)"},
    {"severity by word",
     "row.severity = 'warning' row.s = row.severity",
     R"(hello | status~200 path~"/a" s=13)"},
    {"inspect",
     "row.i = inspect({b={1,'x'}, a=flb_null})",
     R"(hello | status~200 path~"/a" i="{a = flb_null, b = {1, \"x\"}}")"},
    {"inspect a row",
     "row.i = inspect(row)",
     R"(hello | status~200 path~"/a" i="{path = \"/a\", status = 200}")"},
    {"text", "row.i = tostring(row)", R"(hello | status~200 path~"/a" i="row 1")"},
    {"a number as name", "row[1] = 2", "failed: a row has names, not numbers"},
    {"labels cannot be set",
     "row.labels = {}",
     "failed: row.labels cannot be set (a field of that name: row:set(name, value))"},
    {"a metatable is out of reach",
     "row.m = tostring(getmetatable(row))",
     R"(hello | status~200 path~"/a" m="false")"},
    {"a method on something else",
     "row.drop({})",
     "failed: bad argument #1 to 'drop' (seyir.row expected, got table)"},
    {"time in nanoseconds",
     "row.time_ns = row.time_ns + 1 row.t = row.time_ns",
     R"(hello | status~200 path~"/a" t=1767225600123456790)"},
};

}  // namespace

TEST_SUITE("plugins/filter/lua/batch") {
    TEST_CASE("what process() does to a row is what goes on") {
        for (const Case& c : kCases) {
            CAPTURE(c.what);
            LuaFixture f(
                "function process(batch)\nfor row in batch:rows() do\n" + std::string(c.code) +
                    "\nend\nend",
                ""
            );
            BatchMaker m;
            m.row(
                "hello",
                {{"status", Value::integer(200)}, {"path", m.text("/a")}},
                1'767'225'600'123'456'789,
                true
            );
            std::string got = through(f, m);
            if (const auto at = got.find("under_test:"); at != std::string::npos) {
                got.erase(at, got.find(' ', at) + 1 - at);
            }
            CHECK(got == c.expected);
        }
    }

    TEST_CASE("an error in the middle leaves every row as it came") {
        LuaFixture f(
            "function process(batch)\nfor row in batch:rows() do\nrow.x = 1 row.line = 'changed'\n"
            "if row:get('bad') then error('stop') end\nend\nend",
            ""
        );
        BatchMaker m;
        m.row("a");
        m.row("b", {{"bad", Value::boolean(true)}});
        m.row("c");
        REQUIRE(f.process(m.finish()));
        CHECK(f.sink.emitted.empty());
        REQUIRE(f.sink.failed.size() == 1);
        CHECK(f.sink.failed[0].rows.row_count() == 3);
        CHECK(f.sink.failed[0].rows.batch->body(0) == "a");
        CHECK(f.sink.failed[0].rows.batch->attrs(0).empty());
        CHECK(f.sink.failed[0].message == "under_test:4: stop");
    }

    TEST_CASE("a row kept beyond its batch is an error, not another row") {
        LuaFixture f(
            "local kept\nfunction process(batch)\nfor row in batch:rows() do\n"
            "if kept then row.line = kept.line end kept = row\nend\nend",
            ""
        );
        BatchMaker m;
        m.row("a");
        CHECK(through(f, m) == "a | ");
        m = BatchMaker();
        m.row("b");
        CHECK(
            through(f, m) ==
            "failed: under_test:4: a row was used after process() returned for its batch"
        );
    }

    TEST_CASE("rows can be kept within a batch, and emitted rows follow theirs") {
        LuaFixture f(
            "function process(batch)\nlocal all = {}\nfor row in batch:rows() do all[#all+1] = row "
            "end\n"
            "for i = #all, 1, -1 do all[i]:emit{line = all[i].line .. '+'} all[i].n = i end\nend",
            ""
        );
        BatchMaker m;
        m.row("a");
        m.row("b");
        CHECK(through(f, m) == "a | n=1\na+ | \nb | n=2\nb+ | ");
    }

    TEST_CASE("drop reasons are words, and bounded in number") {
        LuaFixture f(
            "function process(batch)\nfor row in batch:rows() do row:drop(row.line) end\nend", ""
        );
        BatchMaker m;
        m.row("no good");
        for (int i = 0; i < 40; ++i) {
            m.row("reason_" + std::to_string(i));
        }
        REQUIRE(f.process(m.finish()));
        CHECK(f.sink.dropped.size() == 33);
        CHECK(f.sink.dropped["lua_other"] == 9);
    }

    TEST_CASE("a batch that others hold is not changed under them") {
        LuaFixture f(
            "function process(batch)\nfor row in batch:rows() do row.line = 'x' end\nend", ""
        );
        BatchMaker m;
        m.row("a");
        const RecordBatchPtr shared = m.finish();
        REQUIRE(f.process(shared));
        CHECK(shared->body(0) == "a");
        CHECK(f.sink.lines() == std::vector<std::string>{"x"});
    }
}
