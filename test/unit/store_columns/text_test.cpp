// SPDX-License-Identifier: Apache-2.0
#include <random>

#include <doctest/doctest.h>

#include "collector/store/columns/text/runs.hpp"
#include "collector/store/columns/text/shape.hpp"

using namespace seyir::store::columns;

namespace {

/// "literal<slot>literal" of the text's shape, to read what was cut where.
std::string shown(Mode mode, std::string_view text, KnownTexts known = {}) {
    std::vector<Token> tokens;
    if (!tokenize(mode, text, known, tokens)) {
        return "unreadable";
    }
    std::string out;
    size_t at = 0;
    for (const Token& token : tokens) {
        out += text.substr(at, token.begin - at);
        out += '<';
        out += text.substr(token.begin, token.end - token.begin);
        out += '>';
        at = token.end;
    }
    out += text.substr(at);
    return out;
}

}  // namespace

TEST_SUITE("collector/store/columns") {
    TEST_CASE("each way of reading a line finds its slots") {
        struct Case {
            Mode mode;
            const char* text;
            const char* expected;
        };

        const Case cases[] = {
            {Mode::kJson,
             R"({"a": 1, "b": "x y", "c": {"d": true, "e": []}})",
             R"({"a": <1>, "b": "<x y>", "c": {"d": <true>, "e": <[]>}})"},
            {Mode::kJson, R"({})", R"({})"},
            {Mode::kJson, R"( {"a\"b" : -1.5e+10 } )", R"( {"a\"b" : <-1.5e+10> } )"},
            {Mode::kJson, R"({"a":1,"a":2})", R"({"a":<1>,"a":<2>})"},
            {Mode::kJson, R"({"a":[1,{"b":"]"}]})", R"({"a":<[1,{"b":"]"}]>})"},
            {Mode::kJson, R"({"a":01})", "unreadable"},
            {Mode::kJson, R"({"a":1} x)", "unreadable"},
            {Mode::kJson, R"({"a":"\x"})", "unreadable"},
            {Mode::kJson, "{\"a\":\"\xff\"}", "unreadable"},
            {Mode::kJson, "{\"a\":\"\x01\"}", "unreadable"},
            {Mode::kJson, R"([1])", "unreadable"},
            {Mode::kJson, R"({"a":1)", "unreadable"},
            {Mode::kPairs,
             R"(level=info msg="a \"b\" c" n=5)",
             R"(level=<info> msg="<a \"b\" c>" n=<5>)"},
            {Mode::kPairs, "no pair here", "unreadable"},
            {Mode::kFields,
             R"(1.2.3.4 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 5 "-")",
             R"(<1.2.3.4> <-> <-> [<01/Jan/2026:00:00:00 +0000>] "<GET / HTTP/1.1>" <200> <5> "<->")"
            },
            {Mode::kFields, "a  b", "<a>  <b>"},
            {Mode::kFields, "\"open", "<\"open>"},
            {Mode::kWords,
             "Jun 14 15:16:01 combo sshd[19939]: from 10.0.0.1 user bob",
             "<Jun 14 15:16:01> combo sshd[<19939>]: from <10.0.0.1> user bob"},
            {Mode::kWords, "blk_-69 done", "<blk_-69> done"},
            {Mode::kWords, "", ""},
            {Mode::kWhole, "anything 1", "<anything 1>"},
        };
        for (const Case& c : cases) {
            CAPTURE(c.text);
            CHECK(shown(c.mode, c.text) == c.expected);
        }
        const std::pair<uint32_t, std::string_view> known[] = {{3, "/a/1"}, {4, "GET"}};
        CHECK(shown(Mode::kWords, "GET /a/1 -> 200", known) == "<GET> </a/1> -> <200>");
        CHECK(shown(Mode::kWords, "GETS /a/12", known) == "GETS /a/<12>");
    }

    TEST_CASE("pieces of any text join to the text and never cut a run") {
        const uint64_t seed = 3;
        MESSAGE("seed " << seed);
        std::mt19937_64 random(seed);
        static constexpr char kBytes[] = "ab1 2:.-_=\"[]{},/\\\xc3\xa9\xff\0\n{}\"\"==  ";
        const std::string alphabet(kBytes, sizeof(kBytes) - 1);
        for (const Mode mode :
             {Mode::kWhole, Mode::kJson, Mode::kPairs, Mode::kFields, Mode::kWords}) {
            ShapeSet shapes;
            std::vector<std::string_view> slots;
            for (int i = 0; i < 20'000; ++i) {
                std::string text;
                for (size_t n = random() % 24; n > 0; --n) {
                    text += alphabet[random() % alphabet.size()];
                }
                const std::string value = text.substr(0, random() % 5);
                const std::pair<uint32_t, std::string_view> known[] = {{1, value}};
                const auto match = shapes.cut(
                    mode, text, mode == Mode::kWords ? KnownTexts(known) : KnownTexts(), slots
                );
                const Shape& shape = shapes.shape(match.shape);
                REQUIRE(slots.size() == shape.slots.size());
                std::string joined;
                for (size_t s = 0; s < slots.size(); ++s) {
                    for (const std::string_view piece : {shape.literal(shape.slots[s]), slots[s]}) {
                        const bool is_whole = piece.empty() || can_cut(text, joined.size());
                        CHECK_MESSAGE(is_whole, text << " at " << joined.size());
                        joined += piece;
                    }
                }
                const bool is_whole = shape.tail().empty() || can_cut(text, joined.size());
                CHECK_MESSAGE(is_whole, text << " at " << joined.size());
                joined += shape.tail();
                CHECK(joined == text);
            }
        }
    }
}
