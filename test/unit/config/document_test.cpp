// SPDX-License-Identifier: Apache-2.0
#include "common/config/document.hpp"

#include <set>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "test/support/replay_corpus.hpp"
#include "test/unit/config/support.hpp"
#include "test/unit/config/yaml_events.hpp"

namespace {

using namespace seyir;
using namespace seyir::config;

struct Parsed {
    Document document;
    Diagnostics diagnostics;
};

Parsed parse(std::string text) {
    auto source = std::make_shared<SourceFile>("t.yaml", std::move(text));
    Diagnostics diagnostics(source);
    Document document = parse_document(source, diagnostics);
    return {std::move(document), std::move(diagnostics)};
}

std::string only_code(const Parsed& parsed) {
    const auto& list = parsed.diagnostics.sorted();
    return list.empty() ? "" : std::string(list.front().code);
}

std::string at(const Parsed& parsed, Span span) {
    const Position p = parsed.document.source().position(span.begin);
    return fmt::format("{}:{} {}", p.line, p.column, parsed.document.source().slice(span));
}

}  // namespace

TEST_SUITE("common/config/document") {
    TEST_CASE("every key and value knows its line, column and extent") {
        const Parsed p = parse("a: 1\nb:\n  - 'x y'\n  - {c: \"d\\n\"}\n# end\nğ: ş\n");
        REQUIRE(p.document.root() != nullptr);
        const Node& root = *p.document.root();
        CHECK(at(p, root.find("a")->key->span) == "1:1 a");
        CHECK(at(p, root.find("a")->value->span) == "1:4 1");
        const Node& list = *root.find("b")->value;
        CHECK(at(p, list.items[0]->span) == "3:5 'x y'");
        CHECK(list.items[0]->text == "x y");
        CHECK(at(p, list.items[1]->find("c")->value->span) == "4:9 \"d\\n\"");
        CHECK(list.items[1]->find("c")->value->text == "d\n");
        CHECK(at(p, root.find("ğ")->value->span) == "6:4 ş");
    }

    TEST_CASE("line ends may be LF, CRLF or CR, and a byte order mark is skipped") {
        for (const std::string_view end : {"\n", "\r\n", "\r"}) {
            const Parsed p = parse(fmt::format(
                "\xef\xbb\xbf"
                "a: 1{}b: 2{}",
                end,
                end
            ));
            REQUIRE_FALSE(p.diagnostics.has_errors());
            CHECK(at(p, p.document.root()->find("b")->value->span) == "2:4 2");
        }
    }

    TEST_CASE("an alias stands for its value and points at the place where that is written") {
        const Parsed p = parse("a: &x {k: v}\nb: *x\n");
        REQUIRE_FALSE(p.diagnostics.has_errors());
        const Node* b = p.document.root()->find("b")->value;
        CHECK(at(p, b->find("k")->value->span) == "1:11 v");
    }

    TEST_CASE("aliases of aliases are refused before they use memory") {
        std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
        for (int i = 1; i < 40; ++i) {
            bomb += fmt::format(
                "a{}: &a{} [*a{}, *a{}, *a{}, *a{}]\n", i, i, i - 1, i - 1, i - 1, i - 1
            );
        }
        const Parsed p = parse(bomb);
        CHECK(only_code(p) == kLimit);
        CHECK(p.diagnostics.to_text().find("100000 values") != std::string::npos);
    }

    TEST_CASE("an alias inside its own value is refused") {
        CHECK(only_code(parse("a: &x [*x]\n")) == kYamlFeature);
        CHECK(only_code(parse("a: *nothing\n")) == kYamlFeature);
    }

    TEST_CASE("deep nesting is refused, also through aliases") {
        CHECK(only_code(parse(std::string(1000, '['))) == kLimit);
        CHECK_FALSE(parse(std::string(60, '[') + std::string(60, ']')).diagnostics.has_errors());
        const std::string deep = std::string(40, '[') + "1" + std::string(40, ']');
        CHECK(
            only_code(parse(
                "a: &x " + deep + "\nb: " + std::string(40, '[') + "*x" + std::string(40, ']')
            )) == kLimit
        );
    }

    TEST_CASE("more than 4 MiB or 100,000 values are refused") {
        CHECK(only_code(parse(std::string(kFileBytesMax + 1, ' '))) == kLimit);
        std::string many = "[";
        for (int i = 0; i < 100'001; ++i) {
            many += "a,";
        }
        CHECK(only_code(parse(many + "]")) == kLimit);
    }

    TEST_CASE("a file that is one line of many values takes linear time") {
        std::string line = "[";
        for (int i = 0; i < 50'000; ++i) {
            line += "\xc3\xa9,";
        }
        const Parsed p = parse(line + "]");
        REQUIRE_FALSE(p.diagnostics.has_errors());
        CHECK(p.document.source().slice(p.document.root()->items[49'999]->span) == "\xc3\xa9");
    }

    TEST_CASE("bytes that are not text are refused at their place") {
        CHECK(only_code(parse("a: \x01\n")) == kBadCharacter);
        CHECK(only_code(parse("a: \xff\n")) == kBadCharacter);
        CHECK(only_code(parse("a: \xe2\x80\xa8 b\n")) == kBadCharacter);
        CHECK(only_code(parse("a: \xc2\x85 b\n")) == kBadCharacter);
        CHECK(
            only_code(parse(std::string(
                "\xff\xfe"
                "a\0",
                4
            ))) == kBadCharacter
        );
        CHECK(only_code(parse(std::string("a: x\0y\n", 7))) == kBadCharacter);
        CHECK(only_code(parse("a: \"x\\0y\"\n")) == kBadCharacter);
        CHECK(parse("ab: \xff\n").diagnostics.to_text().find("t.yaml:1:5") != std::string::npos);
    }

    TEST_CASE("features that files are misread with are refused") {
        CHECK(only_code(parse("a: !!str 1\n")) == kYamlFeature);
        CHECK(only_code(parse("a: 1\n---\nb: 2\n")) == kYamlFeature);
        CHECK(only_code(parse("? [a, b]\n: 1\n")) == kYamlFeature);
        CHECK(only_code(parse("a: &x {b: 1}\nc: {<<: *x}\n")) == kYamlFeature);
    }

    TEST_CASE("what libyaml lets pass against the specification is refused") {
        for (const std::string_view text : {
                 "a: [b, c,#no\n  d]\n",
                 "a: [b]#no\n",
                 "a: \"b\"#no\n",
                 "a: >#no\n  b\n",
                 "a: [\n\tb ]\n",
                 "a: \"b\n\tc\"\n",
                 "-\t- a\n",
                 "a: [-, b]\n",
                 "a: [b,\nc]\n",
                 "a: 'b\nc'\n",
                 "a: |\n     \n  b\n",
                 "a:\n\t- b\n",
             }) {
            CAPTURE(text);
            CHECK(only_code(parse(std::string(text))) == kSyntax);
        }
        for (const std::string_view text : {
                 "a: b#yes\n",
                 "a: [b, c] # yes\n",
                 "a:\tb\n",
                 "a: |\n  b\n    c\n\n\n  d\n",
                 "a: [\n  b,\n  c\n]\n",
                 "a: 'b\n  c'\n",
                 "- a: >-\n    b\n  c: d\n",
                 "a: b\t# c\n",
                 "a:\n- b\n- 'c\n  d'\n",
                 "#x\n a: b\n",
             }) {
            CAPTURE(text);
            const Parsed p = parse(std::string(text));
            CHECK_MESSAGE(!p.diagnostics.has_errors(), p.diagnostics.to_text());
        }
    }

    TEST_CASE("a duplicate key shows both places, at any depth") {
        const Parsed p = parse("a:\n  - {x: 1, y: 2, x: 3}\n");
        REQUIRE(p.diagnostics.error_count() == 1);
        const Diagnostic& d = p.diagnostics.sorted()[0];
        CHECK(d.code == kDuplicateKey);
        CHECK(d.message == "duplicate key `x` in a[0]");
        CHECK(at(p, *d.at) == "2:18 x");
        CHECK(at(p, d.related.at(0).at) == "2:6 x");
    }

    TEST_CASE("values under keys that look secret are never shown, also in broken files") {
        for (const std::string_view text :
             {"a: {api_token: hunter2, b: 1, b: 2}",
              "x: {password: hunter2, y: [}",
              "my_secret: 'hunter2' z\n",
              "k: {AUTHORIZATION: hunter2, \xff: 1}"}) {
            const Parsed p = parse(std::string(text));
            REQUIRE(p.diagnostics.has_errors());
            CHECK(p.diagnostics.to_text().find("hunter2") == std::string::npos);
        }
    }

    TEST_CASE("a long line is shown through a window around the caret") {
        const Parsed p =
            parse(std::string(3000, 'x') + ": {a: 1, a: 2}" + std::string(3000, ' ') + "#y\n");
        CHECK(p.diagnostics.to_text().size() < 1000);
        CHECK(p.diagnostics.to_text().find("a: 1, a: 2}") != std::string::npos);
    }

    TEST_CASE("JSON has the same places in the units of the Language Server Protocol") {
        const Parsed p = parse("\"\xf0\x9f\x98\x80\": {a: 1, a: 2}\n");
        const std::string json = p.diagnostics.to_json();
        simdjson::dom::parser parser;
        simdjson::dom::element root;
        REQUIRE(parser.parse(json).get(root) == simdjson::SUCCESS);
        CHECK(int64_t(root["errors"]) == 1);
        const simdjson::dom::element d = root["diagnostics"].at(0);
        CHECK(std::string_view(d["code"]) == "E0105");
        CHECK(int64_t(d["line"]) == 1);
        CHECK(int64_t(d["column"]) == 13);
        CHECK(
            int64_t(d.at_pointer("/range/start/character")) == 13
        );  // the emoji is two UTF-16 units
        CHECK(int64_t(d.at_pointer("/range/end/character")) == 14);
        CHECK(int64_t(d.at_pointer("/related/0/range/start/character")) == 7);
    }

    TEST_CASE("at most 20 errors are shown, the rest is counted") {
        std::string text = "{";
        for (int i = 0; i < 31; ++i) {
            text += "a: 1, ";
        }
        const Parsed p = parse(text + "}");
        CHECK(p.diagnostics.error_count() == 30);
        CHECK(p.diagnostics.sorted().size() == 20);
        CHECK(p.diagnostics.to_text().find("... and 10 more errors\n") != std::string::npos);
    }

    TEST_CASE("colours go around, not into, the text") {
        const Parsed p = parse("a: 1\na: 2\n");
        const std::string colored = p.diagnostics.to_text(true);
        CHECK(colored.find("\x1b[1;31m") != std::string::npos);
        std::string plain;
        for (size_t i = 0; i < colored.size(); ++i) {
            if (colored[i] == '\x1b') {
                i = colored.find('m', i);
            } else {
                plain += colored[i];
            }
        }
        CHECK(plain == p.diagnostics.to_text());
    }
}

TEST_SUITE("common/config/yaml corpus") {
    TEST_CASE("a document of the YAML test suite is read right or refused, never misread") {
        const char* shared = std::getenv("SEYIR_SHARED");
        const std::string folder = shared != nullptr ? shared : test::source_root() + "/../shared";
        const std::string lines = test::read_text(folder + "/corpora/yaml/yaml.jsonl");
        if (lines.empty()) {
            MESSAGE("no corpus beside the source tree: skipped");
            return;
        }
        simdjson::dom::parser parser;
        simdjson::dom::document_stream cases;
        const simdjson::padded_string padded(lines);
        REQUIRE(parser.parse_many(padded).get(cases) == simdjson::SUCCESS);
        size_t read_count = 0;
        size_t refused_count = 0;
        for (const simdjson::dom::element c : cases) {
            const std::string id{std::string_view(c["id"])};
            CAPTURE(id);
            const Parsed p = parse(std::string(std::string_view(c["yaml"])));
            if (p.diagnostics.has_errors()) {
                CHECK_FALSE(p.diagnostics.to_text().empty());
                ++refused_count;
                continue;
            }
            ++read_count;
            CHECK_MESSAGE(bool(c["valid"]), "accepted what the suite calls invalid");
            CHECK(
                test::canonical(p.document.root()) ==
                test::canonical_events(std::string_view(c["events"]))
            );
        }
        MESSAGE("read " << read_count << ", refused " << refused_count);
        CHECK(read_count > 80);
    }
}

TEST_SUITE("test/fuzz/config") {
    TEST_CASE("the fuzz corpus runs clean") {
        CHECK(test::replay_corpus(test::source_root() + "/test/fuzz/corpus/config") >= 10);
    }
}
