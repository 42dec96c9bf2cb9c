// SPDX-License-Identifier: Apache-2.0
#include "common/logql/parser.hpp"

#include <random>
#include <string>

#include <doctest/doctest.h>

#include "common/logql/lexer.hpp"
#include "common/logql/text/quantity.hpp"
#include "common/logql/text/regex.hpp"
#include "common/logql/text/search.hpp"
#include "test/support/replay_corpus.hpp"

using namespace seyir;
using namespace seyir::logql;

namespace {

std::string error_of(std::string_view query) {
    const auto expr = parse(query);
    return expr ? "" : expr.error().message;
}

}  // namespace

TEST_SUITE("common/logql/parser") {
    TEST_CASE("an error shows the place, the line, a caret and a hint") {
        CHECK(
            error_of("{app=\"x\"} | jsn") ==
            "parse error at line 1, col 16: syntax error: unexpected the end of the query after "
            "`jsn`, expecting a comparison such as = != =~ > or <\n"
            "  {app=\"x\"} | jsn\n"
            "                 ^\n"
            "hint: did you mean `| json`?"
        );
        CHECK(
            error_of("{app=\"x\"}\n  |= )") ==
            "parse error at line 2, col 6: syntax error: unexpected `)`, expecting a string\n"
            "    |= )\n"
            "       ^"
        );
        CHECK(
            error_of("{é=\"x\"}").starts_with("parse error at line 1, col 2: unexpected byte 0xc3")
        );
        CHECK(error_of("{a=\"é\"} |~ \"(\"")
                  .starts_with("parse error at line 1, col 12: invalid regular expression: "));
    }

    TEST_CASE("limits on size, depth and length are errors, not crashes") {
        const std::string deep(100'000, '(');
        CHECK(parse(deep + "{a=\"b\"}").error().code == ErrorCode::kTooLarge);
        CHECK(parse("{a=\"b\"} | " + deep).error().code == ErrorCode::kTooLarge);
        CHECK(parse("count_over_time(" + deep).error().code == ErrorCode::kTooLarge);
        CHECK(parse(std::string(kQueryBytesMax + 1, ' ')).error().code == ErrorCode::kTooLarge);
        std::string chain = "1";
        for (int i = 0; i < 2'000; ++i) {
            chain += "+1";
        }
        CHECK(!parse(chain));
        std::string stages = "{a=\"b\"}";
        for (int i = 0; i < 300; ++i) {
            stages += "|=\"x\"";
        }
        CHECK(!parse(stages));
    }

    TEST_CASE("a condition may leave out its selector, a query may not") {
        CHECK(parse_condition("|= \"x\" | json | status >= 500"));
        CHECK(parse_condition("{} |= \"x\""));
        CHECK(parse_condition(""));
        CHECK(!parse_condition("count_over_time({a=\"b\"}[1m])"));
        CHECK(!parse("{} |= \"x\""));
        CHECK(!parse(""));
    }

    TEST_CASE("binary operations bind as in arithmetic") {
        const auto expr = parse("1 + 2 * 3 ^ 2 ^ 1 > 4");
        REQUIRE(expr);
        const auto& top = std::get<BinaryExpr>(expr->node);
        CHECK(top.op == BinaryOp::kGreater);
        const auto& sum = std::get<BinaryExpr>(top.left->node);
        CHECK(sum.op == BinaryOp::kAdd);
        const auto& product = std::get<BinaryExpr>(sum.right->node);
        CHECK(product.op == BinaryOp::kMul);
        const auto& power = std::get<BinaryExpr>(product.right->node);
        CHECK(std::get<NumberLiteral>(power.left->node).value == 3);
        CHECK(std::get<BinaryExpr>(power.right->node).op == BinaryOp::kPow);
    }

    TEST_CASE("label filters: and binds tighter than or, units are told apart") {
        const auto log = parse_condition("| json | a > 1 or b < 5m and c >= 3KB");
        REQUIRE(log);
        REQUIRE(log->stages.size() == 2);
        const auto& filter = std::get<LabelFilter>(log->stages[1].kind);
        const auto& top = std::get<BothTests>(filter.test);
        CHECK(top.is_or);
        const auto& right = std::get<BothTests>(top.right->test);
        CHECK(std::get<DurationTest>(right.left->test).value_ns == 300'000'000'000);
        CHECK(std::get<BytesTest>(right.right->test).value_bytes == 3000);
    }

    TEST_CASE("names of stages and functions may be labels") {
        CHECK(parse("{rate=\"x\"} | logfmt | rate=\"a\" | drop=\"b\" | json=~\"c\""));
        CHECK(parse("{a=\"x\"} | json != \"text\" | logfmt !~ \"b\""));
        CHECK(parse("sum by (sum, by, unwrap) (count_over_time({a=\"x\"}[1m]))"));
    }

    TEST_CASE("strings unescape as in Go") {
        const auto log = parse_condition(R"(|= "a\tb\x41\u00e9\101" |= `a\t`)");
        REQUIRE(log);
        CHECK(std::get<LineFilter>(log->stages[0].kind).terms[0].value == "a\tbA\u00e9A");
        CHECK(std::get<LineFilter>(log->stages[1].kind).terms[0].value == "a\\t");
        CHECK(!parse_condition(R"(|= "\q")"));
        CHECK(!parse_condition(R"(|= "\ud800")"));
    }

    TEST_CASE("quantities are read as Go reads them") {
        CHECK(parse_duration_ns("1h15m30.5s") == 4'530'500'000'000);
        CHECK(parse_duration_ns("-1.5ms") == -1'500'000);
        CHECK(!parse_duration_ns("1d"));
        CHECK(parse_duration_ns("1d", true) == 86'400'000'000'000);
        CHECK(!parse_duration_ns("5"));
        CHECK(parse_byte_size("42MiB") == 44'040'192);
        CHECK(parse_byte_size("1.5 kb") == 1500);
        CHECK(parse_byte_size("1,000") == 1000);
        CHECK(!parse_byte_size("12 parsecs"));
        CHECK(parse_number("1e3") == 1000);
        CHECK(!parse_number("+-1"));
        CHECK(!parse_number(""));
        CHECK(format_sample(2) == "2");
        CHECK(format_sample(0.1) == "0.1");
        CHECK(format_sample(1e21) == "1000000000000000000000");
    }

    TEST_CASE("a required literal is in every match") {
        CHECK(required_literal("error") == "error");
        CHECK(required_literal("user=\\w+ failed") == " failed");
        CHECK(required_literal("abc?d") == "ab");
        CHECK(required_literal("(foo|bar)bazz") == "bazz");
        CHECK(required_literal("a|b").empty());
        CHECK(required_literal("(?i)error").empty());
        CHECK(required_literal("\\x41bcdef").empty());
        CHECK(required_literal("colou{0,1}r") == "colo");
        CHECK(required_literal("x{b|c}y").empty());
        CHECK(required_literal("caf\u00e9*s") == "caf");
        CHECK(required_literal("[]a]bc") == "bc");
    }

    TEST_CASE("a regex sees invalid UTF-8 as single characters") {
        const auto regex = Regex::compile("a.b", false);
        REQUIRE(regex);
        CHECK(
            regex->matches("xa\xff"
                           "by")
        );
        CHECK(regex->matches("a\u00e9b"));
        CHECK(regex->matches("a\nb"));
        CHECK(!Regex::compile("a.b", true)->matches("xaxb"));
    }

    TEST_CASE("substring search agrees with the plain one on random text") {
        const uint32_t seed = std::random_device{}();
        CAPTURE(seed);
        std::mt19937 random(seed);
        for (int round = 0; round < 3'000; ++round) {
            std::string text(random() % 200, 'a');
            for (char& c : text) {
                c = static_cast<char>('a' + random() % 3);
            }
            std::string needle =
                text.substr(text.empty() ? 0 : random() % text.size(), random() % 40);
            if (random() % 2 == 0 && !needle.empty()) {
                needle[random() % needle.size()] = 'd';
            }
            REQUIRE(find(text, needle) == std::string_view(text).find(needle));
        }
    }

    TEST_CASE("the committed corpus of the fuzz target runs clean") {
        CHECK(
            test::replay_corpus(std::string(SEYIR_SOURCE_ROOT) + "/test/fuzz/corpus/logql") >= 10
        );
    }
}
