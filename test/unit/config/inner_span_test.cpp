// SPDX-License-Identifier: Apache-2.0
#include "common/config/inner_span.hpp"

#include <doctest/doctest.h>

#include "common/base/error_place.hpp"
#include "test/unit/config/sections_fixture.hpp"

namespace {

using namespace seyir;
using namespace seyir::config;

constexpr std::string_view kOneRoute = R"(inputs: { app: { type: in } }
outputs: { store: { type: out } }
)";

/// What a route's `match` written like this is told; the source begins in line 4, column 12.
std::string told(const std::string& match) {
    const std::string routes = "routes:\n  - name: a\n    to: store\n    match: " + match + "\n";
    return test::CheckedSections(routes, kOneRoute).text();
}

/// The source that stands for `part` of the value.
std::string source_of(const std::string& value, std::string_view part) {
    auto source = std::make_shared<SourceFile>("t", "k: " + value + "\n");
    Diagnostics diagnostics(source);
    const Document document = parse_document(source, diagnostics);
    REQUIRE_MESSAGE(document.root() != nullptr, diagnostics.to_text());
    const Node& node = *document.root()->find("k")->value;
    const size_t at = node.text.find(part);
    REQUIRE_MESSAGE(at != std::string::npos, node.text);
    const Span span = inner_span(document.sources(), node, at, part.size());
    return span == node.span ? "whole" : std::string(source->slice(span));
}

}  // namespace

TEST_SUITE("common/config/inner_span") {
    TEST_CASE("an error in LogQL has its caret inside the value, however it is quoted") {
        const std::string what =
            "`match` of route `a`: syntax error: unexpected `|=`, expecting `,` or `}`\n";
        // In single and double quotes, plain, with escapes and doubled quotes before the place.
        CHECK(told(R"('{env="prod" |= "x"')") == "E0317 6:25 [|] " + what);
        CHECK(told(R"("{env=\"prod\" |= \"x\"")") == "E0317 6:27 [|] " + what);
        CHECK(told(R"("\x7benv=\"\u00fc\" |= \"x\"")") == "E0317 6:32 [|] " + what);
        CHECK(told(R"('{env="pr''od" |= "x"')") == "E0317 6:27 [|] " + what);
        CHECK(told("|\n      {env=\"prod\"\n        |= \"x\"") == "E0317 8:9 [|] " + what);
        CHECK(told(">-\n      {env=\"prod\"\n      |= \"x\"") == "E0317 8:7 [|] " + what);
        CHECK(told("'{env=\"prod\"\n\n      |= \"x\"'") == "E0317 8:7 [|] " + what);
    }

    TEST_CASE("an error at the end of the expression stands where the text ends") {
        const std::string text = told(R"('{env="prod"')");
        CHECK_MESSAGE(text.starts_with("E0317 6:24 [']"), text);
    }

    TEST_CASE("what a reference stands for is not quoted, and its place is the reference") {
        const std::string text = told("'{env=${LEVEL}}'");
        CHECK_MESSAGE(
            text.starts_with("E0317 6:18 [${LEVEL}] `match` of route `a` is wrong"), text
        );
        CHECK(text.find("secret") == std::string::npos);
        // Behind a reference and an escaped dollar, columns are still the file's.
        const std::string behind = told(R"('{a="$${LEVEL}", b="x" |= "y"')");
        CHECK_MESSAGE(behind.starts_with("E0317 6:35 [|] "), behind);
    }

    TEST_CASE("every way to write a scalar leads back to its source") {
        CHECK(source_of("plain value", "value") == "value");
        CHECK(source_of("plain\n  folded\n\n  twice", "twice") == "twice");
        CHECK(source_of("'it''s'", "'") == "''");
        CHECK(source_of(R"("a\tb\u20acc\U0001f600d")", "d") == "d");
        CHECK(source_of(R"("a\tb\u20acc\U0001f600d")", "\xf0\x9f\x98\x80") == R"(\U0001f600)");
        CHECK(source_of("\"a\\\n  b\"", "b") == "b");
        CHECK(source_of("|\n  a\n   b\n\n  c\n", "c") == "c");
        CHECK(source_of("|2-\n    a\n   b\n", "b") == "b");
        CHECK(source_of(">\n  a\n  b\n\n  c\n\n   d\n  e\n", "e") == "e");
        CHECK(source_of(">+\n\n  a\n  b\n\n", "b") == "b");
        CHECK(source_of("|\r\n  a\r\n  b\r\n", "b") == "b");
    }

    TEST_CASE("an error is read back from its words, or not at all") {
        const auto place = [](std::string message, std::string_view text) {
            return error_place(fail(ErrorCode::kInvalidArgument, std::move(message)), text);
        };
        const auto p =
            place("bad at line 2, col 3: no\n  xyzzy\n    ^\nmore\nhint: do", "é\nxyzzy q");
        REQUIRE(p);
        CHECK(p->offset_bytes == 5);
        CHECK(p->length_bytes == 3);
        CHECK(p->what == "no");
        CHECK(p->hint == "do");
        CHECK(p->notes == std::vector<std::string>{"more"});
        CHECK(place("at line 1, col 2: end", "x")->length_bytes == 0);
        CHECK_FALSE(place("at line 3, col 1: x", "a\nb"));
        CHECK_FALSE(place("at line 1, col 9: x", "a\nb"));
        CHECK_FALSE(place("at line 0, col 1: x", "a"));
        CHECK_FALSE(place("at line x", "a"));
        CHECK_FALSE(place("no place", "a"));
        CHECK_FALSE(place("at line 99999999999999999999, col 1: x", "a"));
    }

    TEST_CASE("errors of LogQL have the form that is read back") {
        const auto error = logql::RouteMatcher::compile("{} | foo >").error();
        CHECK(error_place(error, "{} | foo >"));
        const auto regex = logql::RouteMatcher::compile("{} |~ \"a(\"").error();
        CHECK(error_place(regex, "{} |~ \"a(\""));
    }
}
