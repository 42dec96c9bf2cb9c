// SPDX-License-Identifier: Apache-2.0
// The filter as a configuration file makes it: rows in, rows out, and what must never pass.
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "plugins/filter/redact/redact_type.hpp"
#include "test/support/filter_fixture.hpp"
#include "test/support/replay_corpus.hpp"

using namespace seyir;
using namespace seyir::plugins;
using test::FilterFixture;
using Lines = std::vector<std::string>;

namespace {

RecordBatchPtr lines(const Lines& bodies) {
    std::vector<test::PlainRow> rows;
    for (const std::string& body : bodies) {
        rows.push_back({.labels = {{"app", "x"}}, .ts_ns = 1, .line = body});
    }
    return test::make_batch(rows);
}

Lines redact(const std::string& yaml, const Lines& bodies) {
    FilterFixture f(redact_filter_type(), "type: redact\n" + yaml);
    REQUIRE_MESSAGE(f.ok(), f.diagnostics());
    REQUIRE(f.process(lines(bodies)));
    return f.sink.lines();
}

std::string diagnostics(const std::string& yaml) {
    FilterFixture f(redact_filter_type(), "type: redact\n" + yaml);
    CHECK_FALSE(f.ok());
    return f.diagnostics();
}

/// One row whose attributes are given by `fill`.
BatchView row_with(
    const std::string& body, const std::function<std::vector<Attr>(RecordBatch&)>& fill
) {
    auto batch = std::make_shared<RecordBatch>();
    const auto stream = batch->add_stream(*StreamLabels::make({{"app", "x"}}));
    const Slice kept = batch->arena().copy(body);
    const std::vector<Attr> attrs = fill(*batch);
    batch->append_row({.ts = {1}, .stream = stream, .body = kept, .attrs = batch->add_attrs(attrs)}
    );
    return {std::move(batch), {}};
}

std::map<std::string, std::string> attrs_of(const BatchView& view, uint32_t row = 0) {
    std::map<std::string, std::string> out;
    for (const Attr& attr : view.batch->attrs(row)) {
        out[std::string(view.batch->keys()[attr.key])] = attr.value.to_text();
    }
    return out;
}

constexpr const char* kKey = "\nkey: 0123456789abcdef0123456789abcdef";

}  // namespace

TEST_SUITE("plugins/filter/redact") {
    TEST_CASE("without rules everything built in is masked and addresses are cut down") {
        CHECK(
            redact(
                "",
                {"bob@example.com 4111111111111111 10000000146 192.0.2.7",
                 "+90 532 123 45 67 TR330006100519786457841326"}
            ) == Lines{"[email] [card] [tckn] 192.0.2.0", "[phone] [iban]"}
        );
    }
    TEST_CASE("rows without anything to hide pass as the very same view") {
        FilterFixture f(redact_filter_type(), "type: redact");
        const auto batch = lines({"a", "b"});
        REQUIRE(f.process(BatchView{batch, Selection::of({1})}));
        REQUIRE(f.sink.emitted.size() == 1);
        CHECK(f.sink.emitted[0].batch == batch);
        CHECK(f.sink.lines() == Lines{"b"});
    }
    TEST_CASE("only the chosen rows of a shared batch are changed, in a batch of their own") {
        FilterFixture f(redact_filter_type(), "type: redact");
        const auto batch = lines({"a", "x bob@example.com y", "c"});
        REQUIRE(f.process(BatchView{batch, Selection::of({0, 1})}));
        CHECK(f.sink.lines() == Lines{"a", "x [email] y"});
        CHECK(batch->body(1) == "x bob@example.com y");
        CHECK(f.registry.text().contains(
            R"(seyir_redact_matches_total{filter="under_test",rule="email"} 1)"
        ));
    }
    TEST_CASE("pseudonyms are equal for equal values however written, and differ by key and rule") {
        const std::string rules =
            "rules: [{ rule: email, action: hash }, { rule: phone, action: hash }]";
        const Lines out = redact(
            rules + kKey,
            {"Bob@Example.com",
             R"(bob\u0040example.com)",
             "ann@example.com",
             "+905321234567",
             "0532 123 45 67"}
        );
        CHECK(out[0] == out[1]);
        CHECK(out[0] != out[2]);
        CHECK(out[3] == out[4]);
        CHECK(out[0].size() == std::string("[email:]").size() + 16);
        const Lines other = redact(
            rules + "\nkey: another-key-of-32-bytes-length!!\nhash_letters: 64", {"bob@example.com"}
        );
        CHECK(other[0].size() == std::string("[email:]").size() + 64);
        CHECK(other[0].substr(7, 16) != out[0].substr(7, 16));
    }
    TEST_CASE("a pseudonym is HMAC-SHA-256 of rule, zero byte and value, four bits a letter") {
        // printf 'email\0bob@example.com' | openssl dgst -sha256 -hmac
        // 0123456789abcdef0123456789abcdef
        const Lines out = redact(
            std::string("rules: [{ rule: email, action: hash }]\nhash_letters: 64") + kKey,
            {"bob@example.com"}
        );
        std::string hex;
        for (const char c : out[0].substr(7, 64)) {
            hex += "0123456789abcdef"[c - 'a'];
        }
        CHECK(hex == "f394f66b52cc022f70cabf915255873af9be8880529b375a73ffe5fd669ab24f");
    }
    TEST_CASE("truncate keeps the network, the last four digits, the mail domain") {
        CHECK(
            redact(
                "rules: [{ rule: ip }, { rule: card, action: truncate }, { rule: email, action: "
                "truncate }]",
                {"2001:db8:85a3:8d3::7 4111 1111 1111 1111 bob@Example.com"}
            ) == Lines{"2001:db8:85a3:: [card:1111] [email:example.com]"}
        );
    }
    TEST_CASE(
        "removing until nothing is left, also where removal joins the pieces of another secret"
    ) {
        CHECK(
            redact(
                "rules: [{ rule: email, action: remove }, { rule: tckn, action: remove }]",
                {"a bob@x.com b", "100000 ann@x.com"}
            ) == Lines{"a  b", "100000 "}
        );
        const Lines out = redact(
            "rules: [{ rule: email, action: remove }]",
            {"bob@bob@x.com,example.com", "a@b.com-@c.org"}
        );
        for (const std::string& line : out) {
            CHECK(redact("rules: [{ rule: email, action: remove }]", {line}) == Lines{line});
        }
    }
    TEST_CASE("custom rules replace by RE2, with groups, and bytes that are not UTF-8 hide nothing"
    ) {
        CHECK(
            redact(
                "rules:\n- { rule: custom, name: api_key, regex: 'sk_[a-z0-9]{4,}' }\n"
                "- { rule: custom, name: password, regex: '(password|pwd)=(\\S+)', replace: '$1=*' "
                "}",
                {"sk_abcd1 pwd=hunter2 x", "password=\xff\xfe! y"}
            ) == Lines{"[api_key] pwd=* x", "password=* y"}
        );
        CHECK(
            redact(
                std::string("rules: [{ rule: custom, name: user, regex: 'u[0-9]+', action: hash }]"
                ) + kKey,
                {"u1 u1"}
            )[0]
                .size() == 2 * std::string("[user:]").size() + 33
        );
    }
    TEST_CASE("attributes are treated deep in maps and arrays, names and long numbers too") {
        FilterFixture f(redact_filter_type(), "type: redact");
        REQUIRE(f.process(row_with("ok", [](RecordBatch& b) {
            Arena& arena = b.arena();
            auto* items = arena.allocate_array<Value>(2);
            new (&items[0]) Value(Value::string(arena.copy("to bob@example.com")));
            new (&items[1]) Value(Value::integer(10000000146));
            auto* members = arena.allocate_array<ValueMember>(2);
            new (&members[0]) ValueMember{arena.copy("list"), Value::array({items, 2})};
            new (&members[1]) ValueMember{arena.copy("ann@example.com"), Value::boolean(true)};
            return std::vector<Attr>{
                {b.add_key(arena.copy("user")), Value::map({members, 2})},
                {b.add_key(arena.copy("size")), Value::integer(512)},
                {b.add_key(arena.copy("pan")), Value::real(4111111111111111.0)},
                {b.add_key(arena.copy("ratio")), Value::real(0.25)},
                {b.add_key(arena.copy("raw")), Value::bytes(arena.copy("4111111111111111"))},
            };
        })));
        const auto attrs = attrs_of(f.sink.emitted.at(0));
        CHECK(attrs.at("user") == R"({"list":["to [email]","[tckn]"],"[email]":true})");
        CHECK(attrs.at("size") == "512");
        CHECK(attrs.at("pan") == "[card]");
        CHECK(attrs.at("ratio") == "0.25");
        CHECK(attrs.at("raw") == "[card]");
    }
    TEST_CASE("a secret in an attribute's name leaves the batch's table of names as well") {
        FilterFixture f(redact_filter_type(), "type: redact");
        REQUIRE(f.process(row_with("ok", [](RecordBatch& b) {
            return std::vector<Attr>{{b.add_key("bob@example.com"), Value::boolean(true)}};
        })));
        const BatchView& out = f.sink.emitted.at(0);
        CHECK(attrs_of(out).contains("[email]"));
        for (const Slice key : out.batch->keys()) {
            CHECK(key != "bob@example.com");
        }
    }
    TEST_CASE("fields and except choose attributes") {
        const auto given = [](RecordBatch& b) {
            return std::vector<Attr>{
                {b.add_key("a"), Value::string("bob@example.com")},
                {b.add_key("b"), Value::string("ann@example.com")}
            };
        };
        FilterFixture only(redact_filter_type(), "type: redact\nfields: [a]");
        REQUIRE(only.process(row_with("x@y.com", given)));
        CHECK(
            attrs_of(only.sink.emitted.at(0)) ==
            std::map<std::string, std::string>{{"a", "[email]"}, {"b", "ann@example.com"}}
        );
        FilterFixture but(redact_filter_type(), "type: redact\nexcept: [a]\nbody: false");
        REQUIRE(but.process(row_with("x@y.com", given)));
        CHECK(
            attrs_of(but.sink.emitted.at(0)) ==
            std::map<std::string, std::string>{{"a", "bob@example.com"}, {"b", "[email]"}}
        );
        CHECK(but.sink.lines() == Lines{"x@y.com"});
    }
    TEST_CASE("what was parsed out of a changed body never carries the secret on") {
        const auto parsed = [](RecordBatch& b) {
            return std::vector<Attr>{
                {b.add_key("mail"), Value::string("bob@example.com"), true},
                {b.add_key("domain"), Value::string("example.com"), true},
                {b.add_key("status"), Value::integer(200), true},
                {b.add_key("own"), Value::string("example.com"), false},
            };
        };
        FilterFixture f(redact_filter_type(), "type: redact\nexcept: [mail, domain]");
        REQUIRE(f.process(row_with("mail=bob@example.com status=200", parsed)));
        CHECK(
            attrs_of(f.sink.emitted.at(0)) ==
            std::map<std::string, std::string>{
                {"mail", "[email]"}, {"status", "200"}, {"own", "example.com"}
            }
        );
        // A custom rule may have needed the words around the secret: all that was parsed goes.
        FilterFixture custom(
            redact_filter_type(),
            "type: redact\nrules: [{ rule: custom, name: user, regex: 'user=\\S+' }]"
        );
        REQUIRE(custom.process(row_with("user=bob status=200", [](RecordBatch& b) {
            return std::vector<Attr>{
                {b.add_key("user"), Value::string("bob"), true},
                {b.add_key("status"), Value::integer(200), true}
            };
        })));
        CHECK(attrs_of(custom.sink.emitted.at(0)).empty());
    }
    TEST_CASE("a row that cannot be treated fails, and only that row") {
        FilterFixture f(redact_filter_type(), "type: redact");
        CHECK(f.plan().is_sensitive());
        auto batch = std::make_shared<RecordBatch>();
        const auto stream = batch->add_stream(*StreamLabels::make({{"app", "x"}}));
        Value deep = Value::string("bob@example.com");
        for (int i = 0; i < 80; ++i) {
            auto* one = batch->arena().allocate_array<Value>(1);
            new (one) Value(deep);
            deep = Value::array({one, 1});
        }
        const Attr attr{batch->add_key("deep"), deep};
        batch->append_row({.ts = {1}, .stream = stream, .body = "good ann@example.com"});
        batch->append_row(
            {.ts = {2}, .stream = stream, .body = "bad", .attrs = batch->add_attrs({&attr, 1})}
        );
        REQUIRE(f.process(BatchView{std::move(batch), {}}));
        CHECK(f.sink.lines() == Lines{"good [email]"});
        CHECK(f.sink.failed_rows() == 1);
        CHECK(f.sink.failed.at(0).code == "not_redacted");
    }
    TEST_CASE("mistakes in the configuration are named with their place") {
        CHECK(diagnostics("rules: [{ rule: email, action: hash }]").contains("needs `key`"));
        CHECK(diagnostics("rules: [{ rule: email, action: hash }]\nkey: short").contains("key"));
        CHECK(diagnostics("rules: [{ rule: custom, name: x, regex: '(' }]").contains("missing )"));
        CHECK(diagnostics("rules: [{ rule: custom, name: x }]").contains("needs `name` and `regex`")
        );
        CHECK(diagnostics("rules: [{ rule: custom, name: 'X y', regex: a }]").contains("a-z, 0-9"));
        CHECK(diagnostics("rules: [{ rule: jwt, action: truncate }]").contains("ip, card and email")
        );
        CHECK(diagnostics("rules: [{ rule: card }, { rule: card }]").contains("given twice"));
        CHECK(diagnostics("rules: [{ rule: card, regex: x }]").contains("is for rule `custom`"));
        CHECK(diagnostics("rules: [{ rule: card, bare: true }]").contains("is for rule `phone`"));
        CHECK(diagnostics("fields: [a]\nexcept: [b]").contains("not both"));
        CHECK(diagnostics("on_error: keep").contains("dead_letter"));
    }
    TEST_CASE("the fuzz target's corpus ends, settles and leaves nothing verifiable") {
        const char* root = std::getenv("SEYIR_SOURCE_ROOT");
        REQUIRE(root != nullptr);
        CHECK(test::replay_corpus(std::string(root) + "/test/fuzz/corpus/redact") >= 4);
    }
}
