// SPDX-License-Identifier: Apache-2.0
// Fluent Bit's callback: codes, times, types, splits.
#include <limits>
#include <random>

#include "test/support/shared.hpp"
#include "test/unit/filter_lua/lua_fixture.hpp"

using namespace seyir;
using namespace seyir::test;

namespace {

struct Case {
    const char* what;
    const char* code;
    std::string expected;
};

void fill(BatchMaker& m) {
    m.row("hello", {{"status", Value::integer(200)}, {"path", m.text("/a")}}, 1'000'000'007, true);
}

const std::vector<Case> kCases{
    {"code 0 changes nothing", "r.x = 1 return 0, ts, r", R"(hello | status~200 path~"/a")"},
    {"code -1 drops", "return -1, 0, 0", "dropped"},
    {"code 2 replaces the record",
     "r.status = 404 return 2, ts, r",
     R"(hello | status=404 path~"/a")"},
    {"unchanged fields stay what they were", "return 2, ts, r", R"(hello | status~200 path~"/a")"},
    {"new fields come last, by name",
     "r.zz = 'z' r.bb = true return 2, ts, r",
     R"(hello | status~200 path~"/a" bb=true zz="z")"},
    {"a field set to nil is removed", "r.path = nil return 2, ts, r", "hello | status~200"},
    {"a new line keeps fields that only the line said",
     "r.log = 'bye' return 2, ts, r",
     R"(bye | status=200 path="/a")"},
    {"a new record without the line becomes JSON",
     "return 2, ts, {b = 1, a = 'x'}",
     R"({"a":"x","b":1} | a="x" b=1)"},
    {"an array splits",
     "return 2, ts, {{log='1'}, {log='2', n=2}, {log='3'}}",
     "1 | \n2 | n=2\n3 | "},
    {"an empty table is no record", "return 2, ts, {}", "dropped"},
    {"the tag and labels", "r.t = tag return 2, ts, r", R"(hello | status~200 path~"/a" t="t1")"},
    {"floats stay floats, whole ones are integers",
     "r.f = 1.5 r.i = 3.0 return 2, ts, r",
     R"(hello | status~200 path~"/a" f=1.5 i=3)"},
    {"nested tables",
     "r.m = {b = {1, 2, {x = false}}, a = 'q'} return 2, ts, r",
     R"(hello | status~200 path~"/a" m={"a":"q","b":[1,2,{"x":false}]})"},
    {"a sparse list is a map",
     "r.m = {[1] = 1, [3] = 3} return 2, ts, r",
     R"(hello | status~200 path~"/a" m={"1":1,"3":3})"},
    {"flb_null is null", "r.n = flb_null return 2, ts, r", R"(hello | status~200 path~"/a" n=null)"
    },
    {"an error", "error('boom') ", "failed: under_test:2: boom"},
    {"an error value that is no text", "error({}) ", "failed: error value is a table"},
    {"an unknown code", "return 7, ts, r", "failed: cb returned the code 7; there are -1, 0, 1, 2"},
    {"no code", "return nil", "failed: cb returned a nil instead of a code"},
    {"a cycle",
     "r.me = r return 2, ts, r",
     "failed: a table nested deeper than 32 levels (does it hold itself?)"},
    {"a function in a field", "r.f = print return 2, ts, r", "failed: a field cannot be a function"
    },
    {"a record that is too large",
     "r.big = ('x'):rep(1048576) return 2, ts, r",
     "failed: the record has 1048604 bytes; at most 1 MiB"},
    {"a huge table",
     "local t = {} for i = 1, 70000 do t[i] = i end r.t = t return 2, ts, r",
     "failed: a record may hold at most 65536 values"},
    {"a line that is not text", "r.log = 12 return 2, ts, r", R"(12 | status=200 path="/a")"},
    {"64 bit literals",
     "r.a = 9007199254740993LL r.b = 18446744073709551615ULL return 2, ts, r",
     R"(hello | status~200 path~"/a" a=9007199254740993 b=18446744073709551615)"},
};

}  // namespace

TEST_SUITE("plugins/filter/lua/record") {
    TEST_CASE("what the callback returns becomes the record") {
        for (const Case& c : kCases) {
            CAPTURE(c.what);
            LuaFixture f("function cb(tag, ts, r)\n" + std::string(c.code) + "\nend");
            BatchMaker m;
            fill(m);
            CHECK(through(f, m) == c.expected);
        }
    }

    TEST_CASE("a time that is not changed keeps its nanoseconds, in both forms") {
        for (const char* options : {"call: cb", "call: cb\ntime_as_table: true"}) {
            for (const int64_t ts : {1'767'225'600'123'456'789, -1'000'000'001L, 0L, 5L}) {
                CAPTURE(ts);
                LuaFixture f("function cb(tag, ts, r) return 1, ts, r end", options);
                BatchMaker m;
                m.row("x", {}, ts);
                REQUIRE(f.process(m.finish()));
                CHECK(f.sink.emitted.at(0).batch->ts(0).value == ts);
            }
        }
    }

    TEST_CASE("times can be set: exactly as a table, to the microsecond as a number") {
        LuaFixture table(
            "function cb(tag, ts, r) ts.sec = ts.sec + 1 ts.nsec = 9 return 1, ts, r end",
            "call: cb\ntime_as_table: true"
        );
        BatchMaker m;
        m.row("x", {}, 1'000'000'000'123'456'789);
        REQUIRE(table.process(m.finish()));
        CHECK(table.sink.emitted.at(0).batch->ts(0).value == 1'000'000'001'000'000'009);
        LuaFixture number("function cb(tag, ts, r) return 1, 1767225600.25, r end");
        m = BatchMaker();
        m.row("x");
        REQUIRE(number.process(m.finish()));
        CHECK(number.sink.emitted.at(0).batch->ts(0).value == 1'767'225'600'250'000'000);
        LuaFixture kept("function cb(tag, ts, r) return 2, 5, r end");
        m = BatchMaker();
        m.row("x", {}, 77);
        REQUIRE(kept.process(m.finish()));
        CHECK(kept.sink.emitted.at(0).batch->ts(0).value == 77);
    }

    TEST_CASE("a time that cannot be is an error of the record") {
        for (const char* time :
             {"0/0", "1e300", "'x'", "{sec=1e17}", "{nsec=1}", "{sec=1,nsec=-1}"}) {
            CAPTURE(time);
            LuaFixture f("function cb(tag, ts, r) return 1, " + std::string(time) + ", r end");
            BatchMaker m;
            m.row("x");
            CHECK(through(f, m).starts_with("failed: "));
        }
    }

    TEST_CASE("every kind of value comes back as it was when a script touches another field") {
        LuaFixture f("function cb(tag, ts, r) r.seen = true return 2, ts, r end");
        BatchMaker m;
        std::vector<Value> list{Value::integer(1), Value::null(), Value::real(2.0)};
        std::vector<ValueMember> members{
            {"z", Value::integer(-1)}, {"a", Value::array({})}, {"n", Value::null()}
        };
        const std::vector<std::pair<std::string, Value>> fields{
            {"int_max", Value::integer(std::numeric_limits<int64_t>::max())},
            {"int_min", Value::integer(std::numeric_limits<int64_t>::min())},
            {"two_53", Value::integer((1LL << 53) + 1)},
            {"five", Value::real(5.0)},
            {"inf", Value::real(std::numeric_limits<double>::infinity())},
            {"no", Value::boolean(false)},
            {"null", Value::null()},
            {"empty_list", Value::array({})},
            {"empty_map", Value::map({})},
            {"list", Value::array(list)},
            {"map", Value::map(members)},
            {"bytes", Value::bytes(std::string_view("\0\xff\n", 3))},
            {"number", Value::number_text("123456789012345678901234567890")},
            {"", m.text("empty name")},
        };
        m.row(std::string_view("li\0ne\xc3", 6), fields);
        REQUIRE(f.process(m.finish()));
        REQUIRE(f.sink.failed.empty());
        const RecordBatch& batch = *f.sink.emitted.at(0).batch;
        const auto attrs = batch.attrs(0);
        REQUIRE(attrs.size() == fields.size() + 1);
        for (size_t i = 0; i < fields.size(); ++i) {
            CAPTURE(fields[i].first);
            CHECK(batch.keys()[attrs[i].key] == fields[i].first);
            CHECK(attrs[i].value == fields[i].second);
        }
        CHECK(batch.body(0) == std::string_view("li\0ne\xc3", 6));
    }

    TEST_CASE("named keys force integers and lists") {
        LuaFixture f(
            "function cb(t, ts, r) return 2, ts, {log='', n=3.9, tags={}, other={}} end",
            "call: cb\ntype_int_key: [n]\ntype_array_key: tags"
        );
        BatchMaker m;
        m.row("x");
        CHECK(through(f, m) == R"( | n=3 other={} tags=[])");
    }

    TEST_CASE("nulls are nil, or flb_null where that is asked for") {
        const char* code =
            "function cb(t, ts, r) r.kind = type(r.gone) r.gone = nil return 2, ts, r end";
        LuaFixture plain(code);
        LuaFixture kept(code, "call: cb\nenable_flb_null: true");
        for (const bool is_kept : {false, true}) {
            BatchMaker m;
            m.row("x", {{"gone", Value::null()}});
            CHECK(
                through(is_kept ? kept : plain, m) ==
                (is_kept ? R"(x | kind="userdata")" : R"(x | gone=null kind="nil")")
            );
        }
    }

    TEST_CASE("a callback with five parameters sees labels and metadata and may change them") {
        LuaFixture f(
            "function cb(tag, ts, group, metadata, r)\n"
            "  r.app = group.app .. metadata.labels.app\n"
            "  metadata.severity_number = 17\n"
            "  metadata.trace_id = '000102030405060708090a0b0c0d0e0f'\n"
            "  return 1, ts, metadata, r\nend"
        );
        BatchMaker m;
        m.row("x");
        CHECK(through(f, m) == R"(x | app="shopshop")");
        const RecordBatch& batch = *f.sink.emitted.at(0).batch;
        CHECK(batch.severity(0) == kSeverityError);
        CHECK(batch.trace(0).trace_id[15] == 15);
    }

    TEST_CASE("rows that fail go as they came, the others go on, in order") {
        LuaFixture f(
            "function cb(t, ts, r)\n"
            "  if r.log == 'bad' then r.x = 1 error('no') end\n"
            "  if r.log == 'two' then return 2, ts, {{log='2a'}, {log='2b'}} end\n"
            "  if r.log == 'half' then return 2, ts, {{log='a'}, {log='b', f=print}} end\n"
            "  if r.log == 'gone' then return -1 end\n"
            "  r.log = r.log .. '!' return 2, ts, r\nend"
        );
        BatchMaker m;
        for (const char* line : {"a", "bad", "two", "gone", "half", "b"}) {
            m.row(line);
        }
        REQUIRE(f.process(m.finish()));
        CHECK(f.sink.lines() == std::vector<std::string>{"a!", "2a", "2b", "b!"});
        CHECK(f.sink.dropped == std::map<std::string, uint32_t>{{"lua_script", 1}});
        REQUIRE(f.sink.failed.size() == 2);
        CHECK(f.sink.failed[0].code == "lua_error");
        CHECK(f.sink.failed[0].rows.batch->body(f.sink.failed[0].rows.rows.rows.at(0)) == "bad");
        CHECK(f.sink.failed_rows() == 2);
    }

    TEST_CASE("a record cannot become more than ten thousand") {
        LuaFixture f(
            "function cb(t, ts, r) local o = {} for i = 1, 10001 do o[i] = {log='x'} end "
            "return 2, ts, o end"
        );
        BatchMaker m;
        m.row("x");
        CHECK(through(f, m) == "failed: one record may become at most 10000");
    }

    TEST_CASE("new field names are bounded in a batch") {
        LuaFixture f("function cb(t, ts, r) r['k' .. r.log] = 1 return 2, ts, r end");
        BatchMaker m;
        for (int i = 0; i < 5'000; ++i) {
            m.row(std::to_string(i));
        }
        REQUIRE(f.process(m.finish()));
        CHECK(f.sink.emitted_rows() == 4'096);
        CHECK(f.sink.failed_rows() == 5'000 - 4'096);
    }

    TEST_CASE("naughty strings pass byte for byte") {
        const auto path = shared_path("corpora/blns/blns.txt");
        if (!path) {
            MESSAGE("skipped: corpora/blns is not there");
            return;
        }
        LuaFixture f("function cb(t, ts, r) r.copy = r.log r[r.log] = 1 return 2, ts, r end");
        std::string text = read_file(*path);
        size_t lines = 0;
        for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
            const std::string line = text.substr(at, end - at);
            if (line == "log" || line == "copy") {
                continue;
            }
            BatchMaker m;
            m.row(line, {{"same", m.text(line)}});
            f.sink.emitted.clear();
            REQUIRE(f.process(m.finish()));
            const RecordBatch& batch = *f.sink.emitted.at(0).batch;
            CHECK(batch.body(0) == line);
            const auto same = batch.find_key("same");
            const auto copy = batch.find_key("copy");
            REQUIRE(same);
            REQUIRE(copy);
            CHECK(batch.find_attr(0, *same)->as_text() == line);
            CHECK(batch.find_attr(0, *copy)->as_text() == line);
            CHECK(batch.find_key(line).has_value());
            ++lines;
        }
        CHECK(lines > 400);
    }
}
