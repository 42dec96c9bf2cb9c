// SPDX-License-Identifier: Apache-2.0
// Automata against RE2 on texts of all kinds: what is certain is right, and what people write is
// certain.
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/automaton/pattern_automaton.hpp"
#include "common/logql/text/regex.hpp"
#include "common/logql/text/regex_needle.hpp"

namespace {

using namespace seyir;

enum class Answer { kNo, kMaybe, kYes };

/// In pieces, as columns give them.
Answer ask(const TextAutomaton& automaton, std::string_view text, size_t piece) {
    TextAutomaton::State state = automaton.start();
    for (size_t at = 0; at < text.size(); at += piece) {
        state = automaton.run(state, text.substr(at, piece));
    }
    if (automaton.is_unsure(state)) {
        return Answer::kMaybe;
    }
    if (!automaton.is_final(state)) {
        return Answer::kNo;
    }
    return automaton.is_exact() ? Answer::kYes : Answer::kMaybe;
}

std::shared_ptr<const TextAutomaton> of(const std::string& pattern) {
    return regex_automaton({&pattern, 1});
}

// Pieces of patterns and of texts, so that they meet.
const std::vector<std::string> kAtoms = {
    R"~(a)~",
    R"~(b)~",
    R"~(k)~",
    R"~(S)~",
    R"~(0)~",
    R"~(.)~",
    R"~([ab])~",
    R"~([^a])~",
    R"~(\d)~",
    R"~(\w)~",
    R"~(\s)~",
    R"~(\S)~",
    R"~(\W)~",
    R"~(\D)~",
    R"~([[:alpha:]])~",
    R"~([[:^digit:]])~",
    R"~(^)~",
    R"~($)~",
    R"~(\b)~",
    R"~(\B)~",
    R"~(\A)~",
    R"~(\z)~",
    R"~(\x61)~",
    R"~(\x{e9})~",
    R"~([\d_])~",
    R"~([^\w])~",
    R"~((?i:k))~",
    R"~((?i:[^s]))~",
    R"~(\.)~",
    R"~((?-s:.))~",
    R"~((?s:.))~",
    R"~((?i:\w))~",
    R"~([a-c])~",
    R"~(\n)~",
    R"~(\r)~",
    R"~([\x00-\x7f])~",
    R"~((?:))~",
    R"~([]a])~",
    R"~([]^a])~",
    R"~([^]a])~",
    R"~(\")~",
    R"~(\v)~",
    R"~(\x7f)~",
    R"~(\x00)~",
    R"~([a-])~",
    R"~([-a])~",
    R"~([a\-c])~",
    R"~([^\n])~",
    R"~([^\r\n])~",
    R"~([--a])~",
    R"~([\d-k])~",
    R"~([[:word:]-b])~",
    R"~(\pL)~",
    R"~(\PL)~",
    R"~(\p{Greek})~",
    R"~(\P{Lu})~",
    R"~(\p{^L})~",
    R"~(\p{Lu})~",
    R"~([\pL])~",
    R"~([^\pL])~",
    R"~([^\PL])~",
    R"~([\P{Lu}a])~",
    R"~([^\p{^Greek}])~",
    R"~([^\pLa])~",
    R"~([^a\pN0])~",
    R"~([^\PNk\x{e9}])~",
    R"~((?i:\pL))~",
    R"~((?i:\p{Lu}))~",
    R"~((?i:\P{Lu}))~",
    R"~((?i:[^\p{Lu}]))~",
    R"~((?i:[^\PLb]))~",
    R"~([\pL\pN])~",
    R"~([^\pL\pN])~",
    R"~((?i:\x{212a}))~",
    R"~((?i:\x{17f}))~",
    R"~((?i:[^\x{17f}]))~",
    R"~((?i:[^\x{212a}]))~",
    R"~((?i:[\x{100}-\x{3000}]))~",
    R"~((?i:[^\x{100}-\x{3000}]))~",
    R"~((?i:[\x{101}-\x{17e}]))~",
    R"~((?i:[\x{180}-\x{2129}]))~",
    R"~((?i:[^\x{180}-\x{2129}]))~",
    R"~([\x{100}-\x{3000}])~",
    R"~([^\x{100}-\x{3000}])~",
    R"~([s\x{212a}])~",
    R"~([\x40-\x{17f}])~",
    R"~([^\x40-\x{17f}])~",
    R"~((?i:[\x6a-\x{2000}]))~",
    R"~((?i:[^\x54-\x{2129}]))~",
    R"~([\x{80}-\x{10ffff}])~",
    R"~([^\x{80}-\x{10ffff}])~",
    R"~([\x00-\x{10ffff}])~",
    R"~([^\x00-\x{10ffff}])~",
    R"~([\x7f-\xff])~",
    R"~((?i:[\x7f-\xff]))~",
    R"~((?i:\x{e9}))~",
    R"~((?i:\xc9))~",
    R"~(\x{10ffff})~",
    R"~(\xff)~",
    R"~(\x{1f600})~",
    R"~([^\x{1f600}])~",
    R"~(\x80)~",
    R"~((?i:[j-l]))~",
    R"~((?i:[^J-L]))~",
    R"~((?i:[^R-s]))~",
    R"~((?i:[!-a]))~",
    R"~([[:^alpha:]])~",
    R"~([^[:alpha:]])~",
    R"~([^[:^alpha:]])~",
    R"~([[:upper:]])~",
    R"~([[:^upper:]])~",
    R"~((?i:[[:upper:]]))~",
    R"~((?i:[[:^lower:]]))~",
    R"~((?i:[^[:lower:]]))~",
    R"~((?i:[^[:^upper:]]))~",
    R"~([[:^ascii:]])~",
    R"~([^[:^ascii:]])~",
    R"~([[:ascii:]])~",
    R"~([[:space:]])~",
    R"~([^[:space:]])~",
    R"~([[:punct:]])~",
    R"~([[:^punct:]])~",
    R"~([[:cntrl:]])~",
    R"~([[:print:]])~",
    R"~([[:graph:]])~",
    R"~([[:blank:]])~",
    R"~([[:alnum:]_])~",
    R"~((?i:[[:xdigit:]]))~",
    R"~([[:word:]])~",
    R"~((?i:[[:^word:]]))~",
    R"~((?i:\W))~",
    R"~((?i:[^\W]))~",
    R"~((?i:[^\w]))~",
    R"~((?i:[\W]))~",
    R"~((?i:\S))~",
    R"~([\W])~",
    R"~([^\D])~",
    R"~([^\S])~",
    R"~([\W\d])~",
    R"~([^\W\d])~",
    R"~((?i:[\WK]))~",
    R"~(\C)~",
    R"~([a\C])~",
    R"~(\Qa.b\E)~",
    R"~(\Qk)~",
    R"~(\Q[\E)~",
    R"~((?m:^))~",
    R"~((?m:$))~",
    R"~((?m:.))~",
    R"~((?m-s:.))~",
    R"~((?U:a*))~",
    R"~((?U:k+?))~",
    R"~((?U))~",
    R"~((?i))~",
    R"~((?-i))~",
    R"~((?s))~",
    R"~((?-s))~",
    R"~((?m))~",
    R"~((?i-s))~",
    R"~((?-m))~",
    R"~((?i:a(?-i:k)s))~",
    R"~((?i:(?-i)k|S))~",
    R"~((?P<n>a|b))~",
    R"~((?m:\z))~",
    R"~((?m:\A))~",
    R"~(a{01})~",
    R"~(a{1,02})~",
    R"~({2})~",
    R"~(a{,2})~",
    R"~(a{)~",
    R"~(a{1)~",
    R"~(})~",
    ""
};
const std::vector<std::string> kCounts = {
    "",
    "",
    "",
    "",
    "*",
    "+",
    "?",
    "{2}",
    "{1,3}",
    "*?",
    "{2,}",
    "{0}",
    "{0,2}",
    "+?",
    "??",
    "{1,}?",
    "{3}",
    "{02}"
};
const std::vector<std::string> kAscii = {
    "a", "b", "k", "K", "s", "S", "0", "7", " ", "\n", "_", ".", "x"
};
const std::vector<std::string> kOddAscii = {
    "a", "a", "k",    "S",      "\n",   "\r", "\r\n", "\t",  "\v", "\x7f", "\x01",
    "{", "}", "{01}", "{1,02}", "{,2}", "[",  "-",    "a.b", "\\", "\"",   std::string(1, '\0'),
    "!", "j", "T"
};
const std::vector<std::string> kAnything = {
    "a",
    "b",
    "k",
    "K",
    "s",
    "S",
    "0",
    "\n",
    "x",
    "\xc3\xa9",
    "\xc3\x89",
    "\xce\xb1",
    "\xe2\x84\xaa",
    "\xc5\xbf",
    "\xe2\x84\xa9",
    "\xe4\xb8\xad",
    "\xf0\x9f\x98\x80",
    "\xff",
    "\xc3",
    "\x80",
    "\xed\xa0\x80",
    "\xc0\x80",
    "\xe2\x84",
    "\xf4\x8f\xbf\xbf",
    "\xc2\x80",
    "\xd9\xa3"
};
const std::vector<std::string> kGroups = {
    "(", "(", "(?:", "(?i:", "(?-i:", "(?-s:", "(?m:", "(?U:"
};
const std::vector<std::string> kFlags = {"(?i)", "(?i)", "(?m)", "(?-s)", "(?U)", "(?im-s)"};

class Random {
  public:
    explicit Random(uint64_t seed) : engine_(seed) {}

    size_t below(size_t n) { return engine_() % n; }

    const std::string& pick(const std::vector<std::string>& of) { return of[below(of.size())]; }

    std::string pattern(int depth = 0) {
        std::string out = depth == 0 && below(6) == 0 ? pick(kFlags) : "";
        for (size_t n = 1 + below(4); n > 0; --n) {
            if (depth < 3 && below(4) == 0) {
                out += pick(kGroups) + pattern(depth + 1);
                out += below(2) == 0 ? "|" + pattern(depth + 1) : "";
                out += ")" + pick(kCounts);
                continue;
            }
            const std::string& atom = pick(kAtoms);
            out += atom + (atom.empty() ? "" : pick(kCounts));
        }
        return out;
    }

    std::string text() {
        std::string out;
        const size_t kind = below(6);
        const std::vector<std::string>& of = kind < 3 ? kAscii : kind == 3 ? kOddAscii : kAnything;
        for (size_t n = below(12); n > 0; --n) {
            out += pick(of);
        }
        return out;
    }

  private:
    std::mt19937_64 engine_;
};

}  // namespace

TEST_SUITE("common/automaton") {
    TEST_CASE("what an automaton is certain of is what RE2 says") {
        uint64_t seed = std::random_device{}();
        if (const char* const given = std::getenv("SEYIR_SEED")) {
            seed = std::strtoull(given, nullptr, 10);
        }
        CAPTURE(seed);
        Random random(seed);
        size_t answers[3] = {};
        for (int round = 0; round < 4000; ++round) {
            const std::string pattern = random.pattern();
            const auto regex = logql::Regex::compile(pattern, false);
            const auto automaton = regex ? of(pattern) : nullptr;
            if (automaton == nullptr) {
                continue;
            }
            CAPTURE(pattern);
            for (int i = 0; i < 30; ++i) {
                const std::string text = random.text();
                CAPTURE(text);
                const Answer answer = ask(*automaton, text, 1 + random.below(4));
                ++answers[static_cast<size_t>(answer)];
                if (answer != Answer::kMaybe) {
                    CHECK(regex->matches(text) == (answer == Answer::kYes));
                }
            }
        }
        for (const size_t count : answers) {
            CHECK(count > 2000);
        }
    }

    TEST_CASE("a text without a pattern's needle is one without a match for RE2") {
        uint64_t seed = std::random_device{}();
        if (const char* const given = std::getenv("SEYIR_SEED")) {
            seed = std::strtoull(given, nullptr, 10);
        }
        CAPTURE(seed);
        Random random(seed);
        size_t refused = 0;
        for (int round = 0; round < 4000; ++round) {
            const std::string pattern = random.pattern();
            const auto regex = logql::Regex::compile(pattern, false);
            const auto automaton = regex ? needle_automaton(logql::regex_needle(pattern)) : nullptr;
            if (automaton == nullptr) {
                continue;
            }
            CAPTURE(pattern);
            for (int i = 0; i < 30; ++i) {
                const std::string text = random.text();
                CAPTURE(text);
                if (ask(*automaton, text, 1 + random.below(4)) == Answer::kNo) {
                    ++refused;
                    CHECK_FALSE(regex->matches(text));
                }
            }
        }
        CHECK(refused > 2000);
    }

    TEST_CASE("patterns that people write are certain of lines of ASCII") {
        struct Row {
            std::string pattern;
            std::string text;
            Answer answer;
        };

        const std::vector<Row> rows = {
            {"error|timeout", "a timeout", Answer::kYes},
            {"error|timeout", "time out", Answer::kNo},
            {"(?i)Error", "an eRRor", Answer::kYes},
            {"ms.*[x-z]9{3}q", "ms x999q", Answer::kYes},
            {"ms.*[x-z]9{3}q", "x999q ms", Answer::kNo},
            {R"(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})", "from 10.0.0.12:80", Answer::kYes},
            {R"([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3})", "id 00000000-0000-4000", Answer::kYes},
            {"^GET /", "GET /a", Answer::kYes},
            {"^GET /", "x GET /a", Answer::kNo},
            {"done$", "done", Answer::kYes},
            {"done$", "done ", Answer::kNo},
            {"^$", "", Answer::kYes},
            {"^$", "a", Answer::kNo},
            {"", "", Answer::kYes},
            {R"(status=5\d\d)", "status=503", Answer::kYes},
            {R"(user_id":\s*"[^"]+")", R"("user_id": "7")", Answer::kYes},
            // A word's edge is not looked at.
            {R"(\berror\b)", "terror", Answer::kMaybe},
            {R"(\berror\b)", "none", Answer::kNo},
            // In the middle of `.*` a character beyond ASCII makes no difference.
            {"a.*b", "a\xc3\xa9 b", Answer::kYes},
            {"a.b",
             "a\xc3\xa9"
             "b",
             Answer::kMaybe},
            {"ab", "\xc3\xa9 ac", Answer::kNo},
            // What a property takes is not known, nor what others than those are.
            {R"(status[^\pL]x)", "status=x", Answer::kMaybe},
            {R"(status[^\pLa]x)", "statusax", Answer::kNo},
            {R"(status[^\PL]x)", "status=x", Answer::kMaybe},
            {R"(\P{Lu}7)", "a7", Answer::kMaybe},
            // The two characters beyond ASCII that fold into it.
            {R"(7(?i:\x{212a})7)", "7k7", Answer::kMaybe},
            {R"(7(?i:\x{212a})7)", "7s7", Answer::kNo},
            {R"(^(?i:[^\x{17f}])$)", "s", Answer::kNo},
            {R"(^(?i:[^\x{17f}])$)", "k", Answer::kMaybe},
            {R"((?i)^[\x{100}-\x{3000}]$)", "S", Answer::kMaybe},
            {R"((?i)^[\x{180}-\x{2129}]$)", "S", Answer::kNo},
            {R"((?i)^[\x{80}-\x{ff}]$)", "S", Answer::kNo},
            // RE2 cannot read this byte by byte: the dot takes no such byte.
            {R"(^\x{4e00}?a.*b)",
             "a\xff"
             "b",
             Answer::kMaybe},
            // Counts do not begin with a zero.
            {"a{02}b", "a{02}b", Answer::kYes},
            {"a{02}b", "aab", Answer::kNo},
            {"a{1,02}b", "ab", Answer::kNo},
        };
        for (const Row& row : rows) {
            CAPTURE(row.pattern);
            CAPTURE(row.text);
            const auto automaton = of(row.pattern);
            REQUIRE(automaton != nullptr);
            for (const size_t piece : {1, 3, 100}) {
                CHECK(
                    static_cast<int>(ask(*automaton, row.text, piece)) ==
                    static_cast<int>(row.answer)
                );
            }
        }
    }

    TEST_CASE("what would grow beyond the limits, or is not understood, has no automaton") {
        for (const std::string pattern :
             {"a.{400}b",
              "(a|b)*a(a|b){12}",
              "x{1000}{3}",
              "caf\xc3\xa9",
              "\\Qa.b\\E",
              "\\C",
              "(a",
              "a**",
              "[a",
              "a\\",
              "[a\\",
              "(?P<n",
              "(?x)a",
              "[[:what:]]",
              "\\p",
              "[\\x{",
              "(?"}) {
            CAPTURE(pattern);
            CHECK(of(pattern) == nullptr);
        }
    }

    TEST_CASE("texts are looked for byte by byte") {
        const std::vector<std::string> texts = {"caf\xc3\xa9", "\xff\xfe"};
        const auto automaton = any_text_automaton(texts);
        REQUIRE(automaton != nullptr);
        CHECK(ask(*automaton, "a caf\xc3\xa9!", 1) == Answer::kYes);
        CHECK(ask(*automaton, "x\xff\xfe", 2) == Answer::kYes);
        CHECK(ask(*automaton, "caf\xc3 \xff", 1) == Answer::kNo);
        const std::vector<std::string> longer = {std::string(500, 'x') + "y"};
        CHECK(ask(*any_text_automaton(longer), std::string(400, 'x'), 7) == Answer::kMaybe);
        CHECK(ask(*any_text_automaton(longer), std::string(200, 'x'), 7) == Answer::kNo);
    }

    TEST_CASE("sets of states lead where each of their texts leads") {
        const auto automaton = of("a[0-9]+b");
        REQUIRE(automaton != nullptr);
        const StateSet start = StateSet::of(automaton->index(automaton->start()));
        const StateSet digits = automaton->reach(start, "0123456789");
        CHECK(digits == start);
        const StateSet behind_a = automaton->run(start, "xa");
        CHECK(behind_a.count() == 1);
        const StateSet all = automaton->reach(automaton->run(behind_a, "1"), "0123456789b");
        CHECK(all.has(TextAutomaton::kFoundIndex));
        CHECK(automaton->reach_any(start).has(TextAutomaton::kFoundIndex));
        CHECK_FALSE(automaton->reach(start, "0123456789b").has(TextAutomaton::kFoundIndex));
    }
}
