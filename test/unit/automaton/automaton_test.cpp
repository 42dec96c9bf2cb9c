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
    "a",
    "b",
    "k",
    "S",
    "0",
    ".",
    "[ab]",
    "[^a]",
    "\\d",
    "\\w",
    "\\s",
    "\\S",
    "\\W",
    "[[:alpha:]]",
    "[[:^digit:]]",
    "^",
    "$",
    "\\b",
    "\\A",
    "\\z",
    "\\x61",
    "\\x{e9}",
    "\\pL",
    "[\\d_]",
    "[^\\w]",
    "(?i:k)",
    "(?i:[^s])",
    "\\.",
    "(?-s:.)",
    "(?i:\\w)",
    "[a-c]",
    "\\n",
    "",
    "[\\x00-\\x7f]",
    "(?:)",
    "[]a]"
};
const std::vector<std::string> kCounts = {
    "", "", "", "*", "+", "?", "{2}", "{1,3}", "*?", "{2,}", "{0}", "{0,2}", "+?"
};
const std::vector<std::string> kBytes = {
    "a",
    "b",
    "k",
    "K",
    "s",
    "S",
    "0",
    "7",
    " ",
    "\n",
    "_",
    ".",
    "x",
    "\xc3\xa9",
    "\xe2\x84\xaa",
    "\xc5\xbf",
    "\xff",
    "\xc3",
    "\xf0\x9f\x98\x80",
    "\x80",
    "\""
};

class Random {
  public:
    explicit Random(uint64_t seed) : engine_(seed) {}

    size_t below(size_t n) { return engine_() % n; }

    const std::string& pick(const std::vector<std::string>& of) { return of[below(of.size())]; }

    std::string pattern(int depth = 0) {
        std::string out = depth == 0 && below(6) == 0 ? (below(3) == 0 ? "(?m)" : "(?i)") : "";
        for (size_t n = 1 + below(4); n > 0; --n) {
            if (depth < 3 && below(4) == 0) {
                out += "(" + pattern(depth + 1);
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
        const bool is_ascii = below(2) == 0;
        for (size_t n = below(12); n > 0; --n) {
            out += kBytes[below(is_ascii ? 13 : kBytes.size())];
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
