// SPDX-License-Identifier: Apache-2.0
// Cards, Turkish identity numbers, IBANs.
#include <algorithm>
#include <array>

#include "plugins/filter/redact/match/find.hpp"
#include "plugins/filter/redact/match/text_edge.hpp"

namespace seyir::plugins::redact {
namespace {

constexpr size_t kCardDigitsMax = 16;

int digit(char c) {
    return c - '0';
}

bool luhn(std::string_view digits) {
    int sum = 0;
    bool twice = false;
    for (size_t i = digits.size(); i-- > 0; twice = !twice) {
        int d = digit(digits[i]);
        if (twice) {
            d = d > 4 ? 2 * d - 9 : 2 * d;
        }
        sum += d;
    }
    return sum % 10 == 0;
}

/// The prefixes issuers have; block ids and times mostly have none of them.
bool has_issuer(std::string_view digits) {
    int four = 0;
    for (size_t i = 0; i < 4; ++i) {
        four = four * 10 + digit(digits[i]);
    }
    const int two = four / 100;
    if (digits.size() == 15) {
        return two == 34 || two == 37;  // American Express
    }
    return four / 1000 == 4 ||                // Visa
           (two >= 51 && two <= 55) ||        // Mastercard
           (four >= 2221 && four <= 2720) ||  // Mastercard, since 2017
           four == 6011 || two == 65 ||       // Discover; 65 also Troy
           (four >= 6440 && four <= 6499) ||  // Discover
           four == 9792 ||                    // Troy
           (four >= 3528 && four <= 3589) ||  // JCB
           two == 62 ||                       // UnionPay
           (four >= 2200 && four <= 2204) ||  // Mir
           two == 50 || (two >= 56 && two <= 58) || two == 63 || two == 67;  // Maestro
}

/// Digits of groups with one separator between them, all alike, into `out`; the end, or 0.
size_t read_groups(
    std::string_view text, size_t at, std::initializer_list<size_t> groups, char* out
) {
    char separator = 0;
    for (const size_t& count : groups) {
        if (&count != groups.begin()) {
            const size_t length = separator_at(text, at);
            if (length == 0 || (separator != 0 && separator != text[at])) {
                return 0;
            }
            separator = text[at];
            at += length;
        }
        for (size_t i = 0; i < count; ++i, ++at) {
            if (!is_at(text, at, kDigit)) {
                return 0;
            }
            *out++ = text[at];
        }
    }
    return at;
}

bool is_after_dashed_digit(std::string_view text, size_t begin) {
    return begin >= 2 && text[begin - 1] == '-' && is(text[begin - 2], kDigit);
}

// ISO 13616 registry: country, length.
struct Country {
    char name[3];
    uint8_t length;
};

constexpr Country kCountries[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
    {"BH", 22}, {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24},
    {"DE", 22}, {"DJ", 27}, {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18},
    {"FK", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27},
    {"GT", 28}, {"HN", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26},
    {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20},
    {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MN", 20},
    {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23}, {"PK", 24},
    {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24},
    {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25},
    {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20},
    {"YE", 30},
};

constexpr size_t kIbanMax = 34;

constexpr auto kIbanLengths = [] {
    std::array<uint8_t, 26 * 26> lengths{};
    for (const Country& country : kCountries) {
        lengths[static_cast<size_t>((country.name[0] - 'A') * 26 + country.name[1] - 'A')] =
            country.length;
    }
    return lengths;
}();

char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

size_t iban_length(char first, char second) {
    return kIbanLengths[static_cast<size_t>((upper(first) - 'A') * 26 + upper(second) - 'A')];
}

}  // namespace

bool is_card(std::string_view digits) {
    return (digits.size() == 15 || digits.size() == 16) && has_issuer(digits) && luhn(digits);
}

std::optional<Range> find_card(std::string_view text, Range run) {
    const size_t length = run.end - run.begin;
    if (length == 15 || length == 16) {
        if (is_card(text.substr(run.begin, length)) && ends_word(text, run.end) &&
            is_whole_number(text, run.begin, run.end)) {
            return run;
        }
        return std::nullopt;
    }
    if (length != 4 || separator_at(text, run.end) == 0) {
        return std::nullopt;
    }
    std::array<char, kCardDigitsMax> digits{};
    size_t end = read_groups(text, run.begin, {4, 4, 4, 4}, digits.data());
    size_t count = 16;
    if (end == 0 || !ends_word(text, end)) {
        end = read_groups(text, run.begin, {4, 6, 5}, digits.data());
        count = 15;
    }
    if (end == 0 || !ends_word(text, end) || is_after_dashed_digit(text, run.begin) ||
        !is_whole_number(text, run.begin, end) || !is_card({digits.data(), count})) {
        return std::nullopt;
    }
    return Range{run.begin, end};
}

bool is_tckn(std::string_view digits) {
    if (digits.size() != 11 || digits[0] == '0') {
        return false;
    }
    int odd = 0;
    int even = 0;
    for (size_t i = 0; i < 9; ++i) {
        (i % 2 == 0 ? odd : even) += digit(digits[i]);
    }
    const int tenth = ((odd * 7 - even) % 10 + 10) % 10;
    return tenth == digit(digits[9]) && (odd + even + tenth) % 10 == digit(digits[10]);
}

std::optional<Range> find_tckn(std::string_view text, Range run) {
    if (run.end - run.begin == 11 && is_tckn(text.substr(run.begin, 11)) &&
        ends_word(text, run.end) && is_whole_number(text, run.begin, run.end)) {
        return run;
    }
    return std::nullopt;
}

bool is_iban(std::string_view iban) {
    if (iban.size() < 5 || !is(iban[0], kLetter) || !is(iban[1], kLetter) || !is(iban[2], kDigit) ||
        !is(iban[3], kDigit) || iban_length(iban[0], iban[1]) != iban.size()) {
        return false;
    }
    uint32_t rest = 0;
    for (size_t i = 0; i < iban.size(); ++i) {
        const char c = upper(iban[(i + 4) % iban.size()]);
        if (is(c, kDigit)) {
            rest = (rest * 10 + static_cast<uint32_t>(c - '0')) % 97;
        } else if (is(c, kLetter)) {
            rest = (rest * 100 + static_cast<uint32_t>(c - 'A' + 10)) % 97;
        } else {
            return false;
        }
    }
    return rest == 1;
}

std::optional<Range> find_iban(std::string_view text, Range run) {
    const size_t begin = run.begin - 2;
    const size_t length = iban_length(text[begin], text[begin + 1]);
    if (length == 0 || run.end - run.begin < 2 || !begins_word(text, begin)) {
        return std::nullopt;
    }
    std::array<char, kIbanMax> iban{};
    size_t at = begin;
    bool grouped = false;
    for (size_t i = 0; i < length; ++i) {
        // Groups of four: all or none, so that words behind a short one are not taken along.
        if (i != 0 && i % 4 == 0) {
            const size_t separator = separator_at(text, at);
            if (i == 4) {
                grouped = separator != 0;
            } else if (grouped != (separator != 0)) {
                return std::nullopt;
            }
            at += separator;
        }
        if (!is_at(text, at, kAlnum)) {
            return std::nullopt;
        }
        iban[i] = text[at++];
    }
    if (!ends_word(text, at) || !is_iban({iban.data(), length})) {
        return std::nullopt;
    }
    return Range{begin, at};
}

}  // namespace seyir::plugins::redact
