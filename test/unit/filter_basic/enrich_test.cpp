// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "plugins/filter/enrich/enrich_filter.hpp"
#include "plugins/filter/enrich/lookup_table.hpp"
#include "test/support/filter_fixture.hpp"
#include "test/support/replay_corpus.hpp"
#include "test/support/row_text.hpp"
#include "test/support/temp_dir.hpp"

using namespace seyir;
using namespace seyir::test;
using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

namespace {

void write(const std::string& path, const std::string& text) {
    // A new file under the old name, as editors and deployment tools do: the inode tells.
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
}

RecordBatchPtr rows_with(const std::vector<std::string>& users) {
    std::vector<PlainRow> rows;
    int64_t ts = 1;
    for (const std::string& user : users) {
        rows.push_back({.labels = {{"app", "a"}}, .ts_ns = ts++, .line = "x"});
        if (!user.empty()) {
            rows.back().metadata = {{"user", user}};
        }
    }
    return make_batch(rows);
}

struct TableCase {
    std::string name;
    plugins::LookupFormat format;
    std::string text;
    std::string key_column;
    std::string error;  ///< "" = the table below
};

using enum plugins::LookupFormat;

/// All of them give: a -> {team: "x, \"y\"", n: 1} but CSV, whose n is the text "1"; b -> {team:
/// "z"}.
const std::vector<TableCase> kTables{
    {"csv", kCsv, "id,team,n\r\na,\"x, \"\"y\"\"\",1\r\n\r\nb,z,\r\n", "", ""},
    {"csv, key elsewhere", kCsv, "team,id,n\n\"x, \"\"y\"\"\",a,1\nz,b,", "id", ""},
    {"json map", kJson, R"({"a":{"team":"x, \"y\"","n":1},"b":{"team":"z","n":null}})", "", ""},
    {"json array", kJson, R"([{"id":"a","team":"x, \"y\"","n":1},{"id":"b","team":"z"}])", "id", ""
    },
    {"yaml", kYaml, "a: {team: 'x, \"y\"', n: 1}\nb:\n  team: z\n", "", ""},
    {"csv twice", kCsv, "id,team\na,1\na,2\n", "", "f: line 3: the key `a` is there twice"},
    {"csv short", kCsv, "id,team\na\n", "", "f: line 2: 1 fields, the header has 2"},
    {"csv quote", kCsv, "id,team\na,\"x\n", "", "f: line 2: a quote that is not closed"},
    {"csv text", kCsv, "id,team\na,\"x\"y\n", "", "f: line 2: text behind a closing quote"},
    {"csv inner", kCsv, "id,team\na,x\"y\n", "", "f: line 2: a quote inside a field without quotes"
    },
    {"csv empty", kCsv, "", "", "f: empty: the first line names the columns"},
    {"csv column", kCsv, "id,team\n", "no", "f: there is no column `no`"},
    {"json scalar", kJson, "1", "", "f: neither an object nor an array of objects"},
    {"json array without key", kJson, "[]", "", "f: an array of objects needs `key_column`"},
    {"json element", kJson, R"([{"x":1}])", "id", "f: an element without `id`"},
    {"yaml list", kYaml, "- a\n", "", "f: not a map"},
    {"yaml deep", kYaml, "a: {team: [1]}\n", "", "f: line 1: `team` is not a single value"},
};

}  // namespace

TEST_SUITE("plugins/filter/enrich/lookup_table") {
    TEST_CASE("every format gives the same table, or says what is wrong and where") {
        for (const TableCase& c : kTables) {
            CAPTURE(c.name);
            const auto table = plugins::LookupTable::parse(
                c.text, "f", {.format = c.format, .key_column = c.key_column}
            );
            if (!c.error.empty()) {
                REQUIRE(!table);
                CHECK(table.error().message == c.error);
                continue;
            }
            REQUIRE_MESSAGE(table, table.error().message);
            CHECK((*table)->columns() == Lines{"team", "n"});
            CHECK((*table)->size() == 2);
            const auto a = (*table)->find("a");
            REQUIRE(a);
            CHECK((*a)[0] == Value::string("x, \"y\""));
            CHECK((*a)[1].to_text() == "1");
            CHECK(((*a)[1].kind() == ValueKind::kInt) == (c.format != kCsv));
            CHECK((*(*table)->find("b"))[1].kind() == ValueKind::kNull);
            CHECK(!(*table)->find("c"));
        }
    }

    TEST_CASE("the fuzzing corpus does no harm") {
        const char* root = std::getenv("SEYIR_SOURCE_ROOT");
        REQUIRE(root != nullptr);
        CHECK(test::replay_corpus(std::string(root) + "/test/fuzz/corpus/lookup") >= 6);
    }

    TEST_CASE("limits are named with their value") {
        std::string wide = "id";
        for (int i = 0; i < 65; ++i) {
            wide += ",c" + std::to_string(i);
        }
        std::string row = "\nk";
        for (int i = 0; i < 65; ++i) {
            row += ",v";
        }
        auto table = plugins::LookupTable::parse(wide + row, "f", {});
        REQUIRE(!table);
        CHECK(table.error().message == "f: line 2: more than 64 columns");
        table = plugins::LookupTable::parse("id,a\nk," + std::string(70'000, 'x'), "f", {});
        REQUIRE(!table);
        CHECK(table.error().message == "f: line 2: a value of 70000 bytes, limit 65536");
    }
}

TEST_SUITE("plugins/filter/enrich") {
    TEST_CASE("static attributes are typed as in YAML; what a record has stays") {
        FilterFixture f(
            plugins::enrich_filter_type(),
            "type: enrich\nstatic: { env: prod, n: 1, k8s.pod: '2', user: other }"
        );
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        REQUIRE(f.process(rows_with({"me", ""})));
        CHECK(
            row_texts(f.sink.emitted) ==
            Lines{
                "{app=\"a\"} x [user=\"me\" env=\"prod\" n=1 k8s.pod=\"2\"] @1",
                "{app=\"a\"} x [env=\"prod\" n=1 k8s.pod=\"2\" user=\"other\"] @2"
            }
        );
        FilterFixture g(
            plugins::enrich_filter_type(),
            "type: enrich\noverwrite: true\nstatic: { user: other }\nif: '| user != \"\"'"
        );
        REQUIRE_MESSAGE(g.ok(), g.diagnostics());
        const RecordBatchPtr batch = rows_with({"", "me", ""});
        REQUIRE(g.process(BatchView{batch, Selection::of({1, 2})}));
        CHECK(
            row_texts(g.sink.emitted) ==
            Lines{"{app=\"a\"} x [user=\"other\"] @2", "{app=\"a\"} x [] @3"}
        );
        CHECK(attrs_text(*batch, 1) == "[user=\"me\"]");
    }

    TEST_CASE("a lookup gives the columns of the key, or the defaults") {
        const TempDir dir;
        write(dir / "users.csv", "user,team,mail\nann,red,a@x\nbob,blue,\n");
        const std::string yaml = "type: enrich\nlookup:\n  file: users.csv\n  key: user\n";
        FilterFixture f(
            plugins::enrich_filter_type(),
            yaml + "  default: { team: none, seen: false }",
            true,
            dir.path()
        );
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        REQUIRE(f.process(rows_with({"ann", "bob", "bob", "cid", ""})));
        CHECK(
            row_texts(f.sink.emitted) ==
            Lines{
                "{app=\"a\"} x [user=\"ann\" team=\"red\" mail=\"a@x\"] @1",
                "{app=\"a\"} x [user=\"bob\" team=\"blue\"] @2",
                "{app=\"a\"} x [user=\"bob\" team=\"blue\"] @3",
                "{app=\"a\"} x [user=\"cid\" team=\"none\" seen=false] @4",
                "{app=\"a\"} x [team=\"none\" seen=false] @5"
            }
        );
        FilterFixture g(
            plugins::enrich_filter_type(), yaml + "  columns: [mail]", true, dir.path()
        );
        REQUIRE(g.process(rows_with({"ann"})));
        CHECK(row_texts(g.sink.emitted) == Lines{"{app=\"a\"} x [user=\"ann\" mail=\"a@x\"] @1"});
    }

    TEST_CASE("a changed file is read again; a broken one leaves the old content, counted") {
        const TempDir dir;
        const std::string path = dir / "t.json";
        write(path, R"({"ann":"red"})");
        FilterFixture f(
            plugins::enrich_filter_type(),
            "type: enrich\nlookup: { file: t.json, key: user, refresh: 10s }",
            true,
            dir.path()
        );
        REQUIRE_MESSAGE(f.ok(), f.diagnostics());
        const auto value_now = [&] {
            f.sink.emitted.clear();
            REQUIRE(f.process(rows_with({"ann"})));
            return row_texts(f.sink.emitted).at(0);
        };
        const auto failures = [&] {
            return f.registry
                .counter(
                    "seyir_filter_enrich_reload_failures_total", "", {{"filter", "under_test"}}
                )
                .value();
        };
        CHECK(value_now() == "{app=\"a\"} x [user=\"ann\" value=\"red\"] @1");
        const BatchView old = f.sink.emitted.at(0);
        write(path, R"({"ann":"blue"})");
        CHECK(value_now() == "{app=\"a\"} x [user=\"ann\" value=\"red\"] @1");
        f.clock.advance(10s);
        CHECK(value_now() == "{app=\"a\"} x [user=\"ann\" value=\"blue\"] @1");
        CHECK(row_texts({old}).at(0) == "{app=\"a\"} x [user=\"ann\" value=\"red\"] @1");
        for (const bool is_removed : {false, true}) {
            if (is_removed) {
                std::filesystem::remove(path);
            } else {
                write(path, "{");
            }
            f.clock.advance(10s);
            CHECK(value_now() == "{app=\"a\"} x [user=\"ann\" value=\"blue\"] @1");
            f.clock.advance(10s);
            CHECK(value_now() == "{app=\"a\"} x [user=\"ann\" value=\"blue\"] @1");
            CHECK(failures() == (is_removed ? 2 : 1));
        }
        write(path, R"({"ann":"green"})");
        f.clock.advance(10s);
        CHECK(value_now() == "{app=\"a\"} x [user=\"ann\" value=\"green\"] @1");
    }

    TEST_CASE("mistakes have their place; offline the file is not looked for") {
        FilterFixture nothing(plugins::enrich_filter_type(), "type: enrich");
        CHECK(nothing.diagnostics().find("adds nothing") != std::string::npos);
        const std::string yaml = "type: enrich\nlookup:\n  file: /nonexistent/x.csv\n  key: user";
        FilterFixture missing(plugins::enrich_filter_type(), yaml);
        CHECK(missing.diagnostics().find("E0509") != std::string::npos);
        CHECK(missing.diagnostics().find(":5:13\n") != std::string::npos);
        FilterFixture unknown(
            plugins::enrich_filter_type(), "type: enrich\nlookup: { file: /x.txt, key: user }"
        );
        CHECK(unknown.diagnostics().find("say what it is: `format: csv`") != std::string::npos);
        FilterFixture offline(plugins::enrich_filter_type(), yaml, false);
        CHECK(offline.diagnostics().find("error[") == std::string::npos);
        CHECK(!offline.ok());
    }
}
