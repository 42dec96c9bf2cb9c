// SPDX-License-Identifier: Apache-2.0
// The scanner against a slow oracle that shares nothing with it: regular expressions for the
// shapes, and check digits computed another way. Texts are seeded mixtures of true secrets, spoilt
// ones and what log lines are made of.
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <re2/re2.h>

#include "plugins/filter/redact/scanner.hpp"

using namespace seyir::plugins::redact;

namespace {

bool is_word(std::string_view text, size_t at) {
    return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) != 0;
}

/// Every maximal match of `shape` that passes `check`, with no letter or digit on either side.
std::vector<Match> search(
    const std::string& text,
    const char* shape,
    Rule rule,
    bool has_edges,
    const std::function<bool(const std::string&)>& check
) {
    re2::RE2::Options options;
    options.set_longest_match(true);
    options.set_encoding(re2::RE2::Options::EncodingLatin1);
    static std::map<std::string, std::unique_ptr<re2::RE2>> compiled;
    auto& kept = compiled[shape];
    if (kept == nullptr) {
        kept = std::make_unique<re2::RE2>(shape, options);
        REQUIRE(kept->ok());
    }
    const re2::RE2& regex = *kept;
    std::vector<Match> out;
    re2::StringPiece found;
    for (size_t at = 0; at <= text.size() &&
                        regex.Match(text, at, text.size(), re2::RE2::UNANCHORED, &found, 1);) {
        const auto begin = static_cast<size_t>(found.data() - text.data());
        const size_t end = begin + found.size();
        const bool edges =
            !has_edges || ((begin == 0 || !is_word(text, begin - 1)) && !is_word(text, end));
        if (edges && check(std::string(found))) {
            out.push_back({begin, end, rule});
            at = end;
        } else {
            at = begin + 1;
        }
    }
    return out;
}

bool in_fraction(const std::string& text, const Match& match) {
    const bool before = match.begin >= 2 && text[match.begin - 1] == '.' &&
                        std::isdigit(text[match.begin - 2]) != 0;
    const bool after = match.end + 1 < text.size() && text[match.end] == '.' &&
                       std::isdigit(text[match.end + 1]) != 0;
    static const re2::RE2 kZeros(R"(^\.0+(?:$|[^0-9A-Za-z.]|\.$|\.[^0-9]))", re2::RE2::Latin1);
    const bool is_double = re2::RE2::PartialMatch(text.substr(match.end), kZeros);
    return before || (after && (!is_double || match.rule == Rule::kIp));
}

bool luhn_by_table(const std::string& digits) {
    static const int kTwice[] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    int sum = 0;
    for (size_t i = 0; i < digits.size(); ++i) {
        const int d = digits[digits.size() - 1 - i] - '0';
        sum += i % 2 == 1 ? kTwice[d] : d;
    }
    return sum % 10 == 0;
}

bool tckn_by_definition(const std::string& s) {
    const auto d = [&](int i) { return s[static_cast<size_t>(i - 1)] - '0'; };
    const int ten = ((d(1) + d(3) + d(5) + d(7) + d(9)) * 7 + 9 * (d(2) + d(4) + d(6) + d(8))) % 10;
    int sum = 0;
    for (int i = 1; i <= 10; ++i) {
        sum += d(i);
    }
    return ten == d(10) && sum % 10 == d(11);
}

bool iban_by_division(const std::string& iban) {
    std::string moved = iban.substr(4) + iban.substr(0, 4);
    std::string digits;
    for (const char c : moved) {
        digits +=
            std::isdigit(c) != 0 ? std::string(1, c) : std::to_string(std::toupper(c) - 'A' + 10);
    }
    uint64_t rest = 0;
    for (size_t at = 0; at < digits.size(); at += 9) {
        rest = std::stoull(std::to_string(rest) + digits.substr(at, 9)) % 97;
    }
    return rest == 1;
}

std::vector<Match> scan(RuleSet rules, const std::string& text) {
    std::vector<Match> out;
    Scanner(rules).find(text, out);
    return out;
}

class Texts {
  public:
    explicit Texts(uint32_t seed) : random_(seed) {}

    std::string line() {
        static const std::vector<std::string> kGlue = {
            " ", " ", ",", ":", "\"", "=", "/", "-", ".", "_", "[", "]", "", "@", "x", "7"
        };
        std::string out;
        for (int i = below(12); i >= 0; --i) {
            out += piece() + pick(kGlue);
        }
        return out;
    }

  private:
    int below(int n) { return static_cast<int>(random_() % static_cast<uint32_t>(n)); }

    const std::string& pick(const std::vector<std::string>& from) {
        return from[static_cast<size_t>(below(static_cast<int>(from.size())))];
    }

    std::string digits(int n) {
        std::string out;
        for (int i = 0; i < n; ++i) {
            out += static_cast<char>('0' + below(10));
        }
        return out;
    }

    std::string tckn() {
        std::string s = std::to_string(1 + below(9)) + digits(8);
        int odd = 0, even = 0;
        for (size_t i = 0; i < 9; ++i) {
            (i % 2 == 0 ? odd : even) += s[i] - '0';
        }
        const int ten = (odd * 7 + even * 9) % 10;
        return s + std::to_string(ten) + std::to_string((odd + even + ten) % 10);
    }

    std::string card() {
        static const std::vector<std::string> kPrefixes = {
            "4", "51", "2221", "34", "6011", "9792", "3528", "1", "99"
        };
        std::string s = pick(kPrefixes);
        s += digits((s == "34" ? 14 : 15) - static_cast<int>(s.size()));
        for (char c = '0'; c <= '9'; ++c) {
            if (luhn_by_table(s + c)) {
                return s + c;
            }
        }
        return s;
    }

    std::string piece() {
        static const std::vector<std::string> kWords = {
            "GET",
            "id",
            "TR",
            "tr33",
            "bob",
            "example.com",
            "mail.x.org",
            "2026-11-22T10:23:46.123Z",
            "ü",
            "a1b2c3",
            "TR330006100519786457841326",
            "GB29NWBK60161331926819",
            "DE89370400440532013000",
            "DE88370400440532013000",
            "bob@example.com",
            "a.b+c@d-e.f.museum",
            "x@y",
            "x@1.2",
            "10.0.0.1",
            "192.0.2.300",
            "1.2.3.4.5",
            "8.8.8.8"
        };
        switch (below(6)) {
            case 0:
                return tckn();
            case 1:
                return card();
            case 2:
                return digits(1 + below(20));
            default:
                return pick(kWords);
        }
    }

    std::mt19937 random_;
};

constexpr const char* kCardShape =
    "(?:4[0-9]{15}|5[1-5][0-9]{14}|222[1-9][0-9]{12}|22[3-9][0-9]{13}|2[3-6][0-9]{14}|"
    "27[01][0-9]{13}|2720[0-9]{12}|"
    "3[47][0-9]{13}|6011[0-9]{12}|65[0-9]{14}|64[4-9][0-9]{13}|9792[0-9]{12}|352[89][0-"
    "9]{12}|35[3-8][0-9]{13}|"
    "62[0-9]{14}|220[0-4][0-9]{12}|50[0-9]{14}|5[678][0-9]{14}|63[0-9]{14}|67[0-9]{14}"
    ")";

std::string show(const std::vector<Match>& matches) {
    std::string out;
    for (const Match& match : matches) {
        out += "[" + std::to_string(match.begin) + "," + std::to_string(match.end) + ")";
    }
    return out;
}

}  // namespace

TEST_SUITE("plugins/filter/redact") {
    TEST_CASE("the scanner finds exactly what the oracle finds") {
        const char* given = std::getenv("SEYIR_SEED");
        const auto seed =
            given != nullptr ? static_cast<uint32_t>(std::stoul(given)) : std::random_device{}();
        CAPTURE(seed);
        Texts texts(seed);
        size_t found = 0;
        for (int i = 0; i < 3000; ++i) {
            const std::string text = texts.line();
            CAPTURE(text);
            const auto same = [&](RuleSet rules, std::vector<Match> expected) {
                const auto got = scan(rules, text);
                found += got.size();
                CHECK(show(got) == show(expected));
            };
            const auto yes = [](const std::string&) { return true; };
            same(
                {.email = true},
                search(
                    text,
                    R"([A-Za-z0-9._+\-\x80-\xff]+@(?:[A-Za-z0-9\-\x80-\xff]+\.)+[A-Za-z]{2,}\b)",
                    Rule::kEmail,
                    false,
                    yes
                )
            );
            auto tckn = search(text, "[1-9][0-9]{10}", Rule::kTckn, true, tckn_by_definition);
            std::erase_if(tckn, [&](const Match& match) { return in_fraction(text, match); });
            same({.tckn = true}, tckn);
            auto card = search(text, kCardShape, Rule::kCard, true, luhn_by_table);
            std::erase_if(card, [&](const Match& match) { return in_fraction(text, match); });
            std::vector<Match> whole = scan({.card = true}, text);
            std::erase_if(whole, [](const Match& match) { return match.end - match.begin > 16; });
            CHECK(show(whole) == show(card));
            same(
                {.iban = true},
                search(
                    text,
                    "(?i)(?:TR[0-9]{2}[A-Z0-9]{22}|GB[0-9]{2}[A-Z0-9]{18}|DE[0-9]{2}[A-Z0-9]{18})",
                    Rule::kIban,
                    true,
                    iban_by_division
                )
            );
            auto ip = search(
                text,
                R"((?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9]))",
                Rule::kIp,
                true,
                [](const std::string& ip4) { return !ip4.starts_with("127.") && ip4 != "0.0.0.0"; }
            );
            std::erase_if(ip, [&](const Match& match) { return in_fraction(text, match); });
            auto got = scan({.ip = true}, text);
            std::erase_if(got, [&](const Match& match) {
                return text.substr(match.begin, match.end - match.begin).contains(':');
            });
            CHECK(show(got) == show(ip));
        }
        CHECK(found > 1000);
    }
}
