// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/redact/scanner.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "plugins/filter/redact/match/text_edge.hpp"

namespace seyir::plugins::redact {
namespace {

constexpr size_t kBlockBytes = 64;

/// One bit for each byte of a block.
struct BlockMasks {
    uint64_t digits = 0;
    uint64_t signs = 0;
};

#if defined(__SSE2__)

uint64_t mask_of(__m128i equal, int quarter) {
    const auto bits = static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(equal)));
    return bits << (16 * quarter);
}

BlockMasks classify(const char* block, const char (&signs)[5]) {
    BlockMasks out;
    // x + (128 - '0') as signed bytes is below -128 + 10 exactly for digits.
    const __m128i shift = _mm_set1_epi8(static_cast<char>(128 - '0'));
    const __m128i limit = _mm_set1_epi8(-128 + 10);
    __m128i wanted[5];
    for (int s = 0; s < 5; ++s) {
        wanted[s] = _mm_set1_epi8(signs[s]);
    }
    for (int quarter = 0; quarter < 4; ++quarter) {
        const __m128i bytes =
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 16 * quarter));
        out.digits |= mask_of(_mm_cmplt_epi8(_mm_add_epi8(bytes, shift), limit), quarter);
        __m128i any = _mm_cmpeq_epi8(bytes, wanted[0]);
        for (int s = 1; s < 5; ++s) {
            any = _mm_or_si128(any, _mm_cmpeq_epi8(bytes, wanted[s]));
        }
        out.signs |= mask_of(any, quarter);
    }
    return out;
}

#else

BlockMasks classify(const char* block, const char (&signs)[5]) {
    BlockMasks out;
    for (size_t i = 0; i < kBlockBytes; ++i) {
        const char c = block[i];
        const bool is_sign = std::ranges::find(signs, c) != std::end(signs);
        out.digits |= static_cast<uint64_t>(is(c, kDigit)) << i;
        out.signs |= static_cast<uint64_t>(is_sign) << i;
    }
    return out;
}

#endif

/// Where a run of digits ends whose block ended, or that ended already, at `at`.
size_t run_end(std::string_view text, size_t at) {
    while (is_at(text, at, kDigit)) {
        ++at;
    }
    return at;
}

/// Most runs of digits are short, follow no letter or sign, and end in no gap: out at once.
bool may_be_secret(std::string_view text, const Range& run) {
    constexpr size_t kNationalDigits = 10;
    return run.end - run.begin >= kNationalDigits || is_at(text, run.end, kGap) ||
           (run.begin != 0 && is(text[run.begin - 1], kLetter | kGap));
}

/// Where the plus sign before `at` begins, however it is written; npos = none.
size_t plus_before(std::string_view text, size_t at) {
    if (at >= 1 && text[at - 1] == '+') {
        return at - 1;
    }
    if (at == 0 || (text[at - 1] | 0x20) != 'b') {
        return std::string_view::npos;
    }
    for (const std::string_view written : {"%2", "\\u002", "\\x2"}) {
        const size_t length = written.size() + 1;
        if (at >= length && text.substr(at - length, written.size()) == written) {
            return at - length;
        }
    }
    return std::string_view::npos;
}

}  // namespace

std::string_view to_string(Rule rule) {
    constexpr std::string_view kNames[] = {
        "email", "phone", "iban", "card", "tckn", "jwt", "ip", "custom"
    };
    return kNames[static_cast<size_t>(rule)];
}

struct Scanner::State {
    std::string_view text;
    std::vector<Match>& matches;
    size_t resume = 0;  ///< nothing before is looked at again
    JwtFinder jwt;

    /// True when found. A match that reaches back over earlier ones takes their place.
    bool take(std::optional<Range> range, Rule rule) {
        if (!range) {
            return false;
        }
        while (!matches.empty() && matches.back().begin >= range->begin) {
            matches.pop_back();
        }
        if (!matches.empty()) {
            range->begin = std::max(range->begin, matches.back().end);
        }
        matches.push_back({range->begin, range->end, rule});
        resume = range->end;
        return true;
    }
};

Scanner::Scanner(RuleSet rules) : rules_(rules) {
    std::string_view signs = rules.email ? "@\\%" : "";
    std::array<char, 5> wanted{};
    size_t count = 0;
    for (const char c : signs) {
        wanted[count++] = c;
    }
    if (rules.jwt) {
        wanted[count++] = 'J';
    }
    if (rules.ip) {
        wanted[count++] = ':';
    }
    wants_signs_ = count != 0;
    const char filler = count == 0 ? '@' : wanted[0];
    for (size_t i = 0; i < wanted.size(); ++i) {
        signs_[i] = i < count ? wanted[i] : filler;
    }
}

bool Scanner::find(std::string_view text, std::vector<Match>& matches) const {
    matches.clear();
    State state{.text = text, .matches = matches};
    uint64_t carry = 0;
    char tail[kBlockBytes] = {};
    for (size_t base = 0; base < text.size(); base += kBlockBytes) {
        const char* block = text.data() + base;
        if (text.size() - base < kBlockBytes) {
            std::memcpy(tail, block, text.size() - base);
            block = tail;
        }
        const BlockMasks masks = classify(block, signs_);
        const uint64_t starts = masks.digits & ~((masks.digits << 1) | carry);
        carry = masks.digits >> 63;
        uint64_t todo = (rules_.wants_digits() ? starts : 0) | (wants_signs_ ? masks.signs : 0);
        while (todo != 0) {
            const int bit = std::countr_zero(todo);
            const size_t at = base + static_cast<size_t>(bit);
            todo &= todo - 1;
            if (at < state.resume) {
                continue;
            }
            const auto digits = static_cast<size_t>(std::countr_one(masks.digits >> bit));
            if (digits != 0) {
                on_digits(state, {at, run_end(text, at + digits)});
            } else {
                on_sign(state, at);
            }
        }
    }
    return !matches.empty();
}

void Scanner::on_digits(State& state, Range run) const {
    const std::string_view text = state.text;
    if (!may_be_secret(text, run)) {
        return;
    }
    const size_t at = run.begin;
    if (at != 0 && (is(text[at - 1], kAlnum) || text[at - 1] == '%')) {
        if (rules_.iban && at >= 2 && is(text[at - 1], kLetter) && is(text[at - 2], kLetter) &&
            state.take(find_iban(text, run), Rule::kIban)) {
            return;
        }
        run.begin += escape_tail(text, at);
        if (run.begin >= run.end || !begins_word(text, run.begin)) {
            return;
        }
    }
    const size_t length = run.end - run.begin;
    if (rules_.ip && length <= 3 && has_at(text, run.end, '.') &&
        is_at(text, run.end + 1, kDigit) && state.take(find_ipv4(text, run), Rule::kIp)) {
        return;
    }
    if (length == 1 && has_at(text, run.end, '.') && on_float(state, run)) {
        return;
    }
    const char first = text[run.begin];
    if (rules_.phone) {
        const size_t plus = plus_before(text, run.begin);
        if (plus != std::string_view::npos && plus >= state.resume &&
            state.take(find_international_phone(text, plus, run), Rule::kPhone)) {
            return;
        }
    }
    if (rules_.tckn && length == 11 && state.take(find_tckn(text, run), Rule::kTckn)) {
        return;
    }
    if (rules_.phone && (first == '0' || first == '5' || first == '9') &&
        (length >= 10 || (length <= 4 && is_at(text, run.end, kGap))) &&
        state.take(find_turkish_phone(text, run, rules_.bare_phone), Rule::kPhone)) {
        return;
    }
    if (rules_.card && (length == 4 || length == 15 || length == 16)) {
        state.take(find_card(text, run), Rule::kCard);
    }
}

bool Scanner::on_float(State& state, Range run) const {
    const auto number = expand_float(state.text, run);
    if (!number) {
        return false;
    }
    const Range whole{run.begin, number->end};
    const Range digits{0, number->count};
    if (rules_.tckn && is_tckn(number->text())) {
        return state.take(whole, Rule::kTckn);
    }
    if (rules_.phone && find_turkish_phone(number->text(), digits, rules_.bare_phone) == digits) {
        return state.take(whole, Rule::kPhone);
    }
    return rules_.card && is_card(number->text()) && state.take(whole, Rule::kCard);
}

void Scanner::on_sign(State& state, size_t at) const {
    const std::string_view text = state.text;
    switch (text[at]) {
        case '@':
            on_email_sign(state, at, at + 1);
            return;
        case '%':
            if (has_at(text, at + 1, '4') && has_at(text, at + 2, '0')) {
                on_email_sign(state, at, at + 3);
            }
            return;
        case '\\':
            if (has_at(text, at + 1, 'u') && text.substr(at + 2).starts_with("0040")) {
                on_email_sign(state, at, at + 6);
            } else if (has_at(text, at + 1, 'x') && text.substr(at + 2).starts_with("40")) {
                on_email_sign(state, at, at + 4);
            }
            return;
        case 'J':
            if (at >= 2 && text[at - 1] == 'y' && text[at - 2] == 'e' && at - 2 >= state.resume) {
                state.take(state.jwt.find(text, at - 2), Rule::kJwt);
            }
            return;
        default:
            // A colon between quotes and words is by far the most frequent: out at once.
            if (has_at(text, at + 1, ':') ||
                (is_at(text, at + 1, kHex) && at != 0 && is(text[at - 1], kHex))) {
                state.take(find_ipv6(text, at, state.resume), Rule::kIp);
            }
    }
}

void Scanner::on_email_sign(State& state, size_t at, size_t after) const {
    // `\\u0040`: every backslash before belongs to the sign.
    while (at > 0 && state.text[at] == '\\' && state.text[at - 1] == '\\') {
        --at;
    }
    // One address ends where the next begins; of anything else the longer one is taken.
    const bool follows_email = !state.matches.empty() && state.matches.back().rule == Rule::kEmail;
    const size_t from = follows_email ? state.matches.back().end : 0;
    state.take(find_email(state.text, at, after, from), Rule::kEmail);
}

}  // namespace seyir::plugins::redact
