// SPDX-License-Identifier: Apache-2.0
#include "common/automaton/pattern_automaton.hpp"

#include <algorithm>
#include <optional>

#include "common/automaton/nfa.hpp"
#include "common/automaton/pattern_reader.hpp"

namespace seyir {
namespace {

using Beyond = Symbols::Beyond;

constexpr size_t kPatternBytesMax = 1024;
constexpr size_t kTextBytesMax = 240;  // of what is looked for; the rest makes it inexact
constexpr int kGroupDepthMax = 64;
constexpr uint32_t kRepeatsMax = 1000;  // RE2's own

bool is_letter(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_word(int c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

bool is_space(int c) {  // of \s: no vertical tab
    return c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' ';
}

bool is_digit(int c) {
    return c >= '0' && c <= '9';
}

struct NamedClass {
    std::string_view name;
    bool (*has)(int c);
};

constexpr NamedClass kNamedClasses[] = {
    {"alnum", [](int c) { return is_letter(c) || is_digit(c); }},
    {"alpha", is_letter},
    {"ascii", [](int) { return true; }},
    {"blank", [](int c) { return c == '\t' || c == ' '; }},
    {"cntrl", [](int c) { return c < 0x20 || c == 0x7f; }},
    {"digit", is_digit},
    {"graph", [](int c) { return c > 0x20 && c < 0x7f; }},
    {"lower", [](int c) { return c >= 'a' && c <= 'z'; }},
    {"print", [](int c) { return c >= 0x20 && c < 0x7f; }},
    {"punct", [](int c) { return c > 0x20 && c < 0x7f && !is_letter(c) && !is_digit(c); }},
    {"space", [](int c) { return is_space(c) || c == '\v'; }},
    {"upper", [](int c) { return c >= 'A' && c <= 'Z'; }},
    {"word", is_word},
    {"xdigit", [](int c) { return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f'); }},
};

template <class Has>
Symbols ascii_of(Has has) {
    Symbols symbols;
    for (int c = 0; c < 0x80; ++c) {
        symbols.bytes[static_cast<size_t>(c)] = has(c);
    }
    return symbols;
}

// The two characters beyond ASCII that fold to letters of it.
constexpr uint32_t kKelvinSign = 0x212a;
constexpr uint32_t kLongS = 0x17f;

/// Requires: where one of those two is in it, so is its letter.
void fold(Symbols& symbols) {
    for (size_t c = 'a'; c <= 'z'; ++c) {
        const bool has = symbols.bytes[c] || symbols.bytes[c - 32];
        symbols.bytes[c] = has;
        symbols.bytes[c - 32] = has;
    }
    const bool has_other = symbols.bytes['k'] || symbols.bytes['s'];
    symbols.beyond = has_other && symbols.beyond == Beyond::kNone ? Beyond::kSome : symbols.beyond;
}

/// Requires: they are known exactly; the negation of more than is meant is less.
void negate(Symbols& symbols) {
    for (size_t c = 0; c < 0x80; ++c) {
        symbols.bytes.flip(c);
    }
    symbols.beyond = symbols.beyond == Beyond::kNone  ? Beyond::kAll
                     : symbols.beyond == Beyond::kAll ? Beyond::kNone
                                                      : Beyond::kSome;
}

void add(Symbols& to, const Symbols& from) {
    to.bytes |= from.bytes;
    to.beyond = std::max(to.beyond, from.beyond);
}

class RegexParser : PatternReader {
  public:
    RegexParser(Nfa& nfa, std::string_view pattern) : PatternReader(pattern), nfa_(nfa) {}

    /// Nothing when something is not understood.
    std::optional<Nfa::Part> parse() {
        const Nfa::Part part = alternatives({}, 0);
        return is_whole() && !nfa_.is_full() ? std::optional(part) : std::nullopt;
    }

    bool is_exact() const { return is_exact_; }

  private:
    struct Flags {
        bool any_case = false;
        bool dot_takes_newline = true;
        bool has_lines = false;
    };

    Nfa::Part lost() {
        give_up();
        return nfa_.nothing();
    }

    /// Something between characters that is not looked at.
    Nfa::Part unknown_place() {
        is_exact_ = false;
        return nfa_.nothing();
    }

    /// Up to the group's end; flags set inside hold until there.
    Nfa::Part alternatives(Flags flags, int depth) {
        if (depth > kGroupDepthMax) {
            return lost();
        }
        Nfa::Part all = sequence(flags, depth);
        while (!is_lost_ && take("|")) {
            const Nfa::Part next = sequence(flags, depth);
            all = nfa_.either(all, next);
        }
        return all;
    }

    Nfa::Part sequence(Flags& flags, int depth) {
        Nfa::Part all = nfa_.nothing();
        while (!done() && peek() != '|' && peek() != ')') {
            if (is_inline_flags()) {
                at_ += 2;
                read_flags(flags, ')');
                continue;
            }
            const Nfa::Part part = atom(flags, depth);
            if (!is_lost_) {
                all = nfa_.sequence(all, repeat(part));
            }
        }
        return all;
    }

    /// `(?i)`, not `(?i:` or `(?P<`.
    bool is_inline_flags() const {
        const std::string_view rest = pattern_.substr(at_);
        if (!rest.starts_with("(?")) {
            return false;
        }
        const size_t end = rest.find_first_not_of("imsU-", 2);
        return end != std::string_view::npos && rest[end] == ')';
    }

    void read_flags(Flags& flags, char end) {
        bool sets = true;
        for (; !done() && peek() != end; ++at_) {
            switch (peek()) {
                case '-':
                    sets = false;
                    break;
                case 'i':
                    flags.any_case = sets;
                    break;
                case 's':
                    flags.dot_takes_newline = sets;
                    break;
                case 'm':
                    flags.has_lines = sets;
                    break;
                case 'U':
                    break;  // which match is taken, not whether there is one
                default:
                    lost();
            }
        }
        if (!is_lost_ && !take(std::string_view(&end, 1))) {
            lost();
        }
    }

    Nfa::Part atom(const Flags& flags, int depth) {
        const char c = peek();
        switch (c) {
            case '(':
                return group(flags, depth);
            case '[':
                return character_class(flags);
            case '.': {
                ++at_;
                Symbols symbols =
                    ascii_of([&](int byte) { return flags.dot_takes_newline || byte != '\n'; });
                symbols.beyond = Beyond::kAll;
                return nfa_.symbols(symbols);
            }
            case '^':
                ++at_;
                return flags.has_lines ? unknown_place() : nfa_.text_begin();
            case '$':
                ++at_;
                return flags.has_lines ? unknown_place() : nfa_.text_end();
            case '\\':
                return escape(flags);
            case '*':
            case '+':
            case '?':
                return lost();
            default:
                if (braced_counts()) {
                    return lost();  // `a(?i){2}`: RE2 looks past the flags
                }
                ++at_;
                return one(static_cast<uint8_t>(c), flags);
        }
    }

    Nfa::Part one(uint32_t character, const Flags& flags) {
        return nfa_.symbols(range(character, character, flags));
    }

    /// Folded.
    Symbols range(uint32_t from, uint32_t to, const Flags& flags) {
        Symbols symbols;
        for (uint32_t c = from; c <= std::min<uint32_t>(to, 0x7f); ++c) {
            symbols.bytes.set(c);
        }
        if (to >= 0x80) {
            symbols.beyond = Beyond::kSome;
        }
        // RE2 cannot read such a pattern byte by byte: of a text that is no UTF-8 it takes no
        // more than the characters, so what is found here may be none.
        is_exact_ = is_exact_ && to <= 0xff;
        if (flags.any_case) {
            const auto add_letter = [&](uint32_t character, size_t letter) {
                if (from <= character && character <= to) {
                    symbols.bytes.set(letter);
                }
            };
            add_letter(kKelvinSign, 'k');
            add_letter(kLongS, 's');
            fold(symbols);
        }
        return symbols;
    }

    Nfa::Part group(Flags flags, int depth) {
        ++at_;
        if (take("?")) {
            if (take("P<") || take("<")) {
                skip_past('>');
            } else {
                read_flags(flags, ':');
            }
        }
        const Nfa::Part part = alternatives(flags, depth + 1);
        return take(")") ? part : lost();
    }

    Nfa::Part escape(const Flags& flags) {
        ++at_;
        const char c = peek();
        switch (c) {
            case 'A':
                ++at_;
                return nfa_.text_begin();
            case 'z':
                ++at_;
                return nfa_.text_end();
            case 'b':
            case 'B':
                ++at_;
                return unknown_place();
            default:
                break;
        }
        if (const auto perl = perl_class(flags, false)) {
            return nfa_.symbols(*perl);
        }
        const auto character = escaped_character();
        return character ? one(*character, flags) : lost();
    }

    /// `\d` and the like, behind the backslash; folded. Of a negated class it may have too little,
    /// of others too much.
    std::optional<Symbols> perl_class(const Flags& flags, bool is_in_negated) {
        Symbols symbols;
        switch (peek()) {
            case 'd':
            case 'D':
                symbols = ascii_of(is_digit);
                break;
            case 'w':
            case 'W':
                symbols = ascii_of(is_word);
                break;
            case 's':
            case 'S':
                symbols = ascii_of(is_space);
                break;
            case 'p':
            case 'P':
                return property(is_in_negated);
            default:
                return std::nullopt;
        }
        if (flags.any_case) {
            fold(symbols);
        }
        if (peek() < 'a') {
            negate(symbols);
        }
        ++at_;
        return symbols;
    }

    /// `\pN`, `\p{Greek}`: as if it took every character; none, where others than those are taken.
    Symbols property(bool is_in_negated) {
        ++at_;
        if (peek() == '{') {
            skip_past('}');
        } else {
            ++at_;
        }
        is_exact_ = false;
        if (is_in_negated) {
            return {};
        }
        Symbols all = ascii_of([](int) { return true; });
        all.beyond = Beyond::kAll;
        return all;
    }

    /// One character, behind the backslash.
    std::optional<uint32_t> escaped_character() {
        const char c = peek();
        ++at_;
        if (c == 'x') {
            return hexadecimal();
        }
        const auto character = escaped(c);
        return character ? std::optional(static_cast<uint32_t>(*character)) : std::nullopt;
    }

    Nfa::Part character_class(const Flags& flags) {
        ++at_;
        const bool is_negated = take("^");
        Symbols all;
        for (bool is_first = true; !done() && (is_first || peek() != ']'); is_first = false) {
            add(all, class_item(flags, is_negated));
        }
        if (!take("]")) {
            return lost();
        }
        if (is_negated) {
            negate(all);
        }
        return nfa_.symbols(all);
    }

    /// One character, a range or a named class; folded.
    Symbols class_item(const Flags& flags, bool is_in_negated) {
        if (take("[:")) {
            return named_class(flags);
        }
        if (peek() == '\\') {
            ++at_;
            if (const auto perl = perl_class(flags, is_in_negated)) {
                return *perl;
            }
            --at_;
        }
        const auto from = class_character();
        auto to = from;
        if (peek() == '-' && peek(1) != ']' && peek(1) != '\0') {
            ++at_;
            to = class_character();
        }
        if (!from || !to || *to < *from) {
            lost();
            return {};
        }
        return range(*from, *to, flags);
    }

    std::optional<uint32_t> class_character() {
        if (peek() == '\\') {
            ++at_;
            return escaped_character();
        }
        return static_cast<uint8_t>(pattern_[at_++]);
    }

    Symbols named_class(const Flags& flags) {
        const bool is_negated = take("^");
        for (const NamedClass& named : kNamedClasses) {
            const size_t before = at_;
            if (take(named.name) && take(":]")) {
                Symbols symbols = ascii_of(named.has);
                if (flags.any_case) {
                    fold(symbols);
                }
                if (is_negated) {
                    negate(symbols);
                }
                return symbols;
            }
            at_ = before;
        }
        lost();
        return {};
    }

    /// The part as often as the quantifier behind it says.
    Nfa::Part repeat(const Nfa::Part& part) {
        const auto counts = quantifier();
        if (is_lost_ || !counts) {
            return part;
        }
        if (counts->max.value_or(counts->min) < counts->min ||
            counts->max.value_or(counts->min) > kRepeatsMax) {
            return lost();
        }
        return nfa_.repeat(part, counts->min, counts->max);
    }

    Nfa& nfa_;
    bool is_exact_ = true;
};

/// Bytes of a text in any case. Requires: ASCII.
Nfa::Part folded_text(Nfa& nfa, std::string_view text) {
    Nfa::Part whole = nfa.nothing();
    for (const char c : text) {
        Symbols one;
        one.bytes.set(static_cast<uint8_t>(c));
        fold(one);
        Nfa::Part part = nfa.symbols(one);
        if ((c | 32) == 'k' || (c | 32) == 's') {
            const Nfa::Part other = nfa.text((c | 32) == 'k' ? "\xe2\x84\xaa" : "\xc5\xbf");
            part = nfa.either(part, other);
        }
        whole = nfa.sequence(whole, part);
    }
    return whole;
}

/// The longest piece that is ASCII: other characters fold in more ways.
std::string_view longest_ascii(std::string_view text) {
    std::string_view best;
    for (size_t begin = 0; begin < text.size();) {
        size_t end = begin;
        while (end < text.size() && static_cast<uint8_t>(text[end]) < 0x80) {
            ++end;
        }
        best = end - begin > best.size() ? text.substr(begin, end - begin) : best;
        begin = end + 1;
    }
    return best;
}

struct NeedlePart {
    Nfa::Part part;
    size_t bytes = 0;  ///< of its shortest text
};

std::optional<NeedlePart> part_of(Nfa& nfa, const Needle& needle) {
    switch (needle.kind) {
        case Needle::Kind::kAnything:
            return std::nullopt;
        case Needle::Kind::kText: {
            std::string_view text = needle.any_case ? longest_ascii(needle.text) : needle.text;
            text = text.substr(0, kTextBytesMax);
            if (text.empty() || needle.place != Needle::Place::kLine) {
                return std::nullopt;
            }
            return NeedlePart{
                needle.any_case ? folded_text(nfa, text) : nfa.text(text), text.size()
            };
        }
        case Needle::Kind::kAll: {
            // One of them is enough to ask for.
            std::optional<NeedlePart> best;
            for (const Needle& part : needle.parts) {
                const auto next = part_of(nfa, part);
                best = next && (!best || next->bytes > best->bytes) ? next : best;
            }
            return best;
        }
        case Needle::Kind::kAny: {
            std::optional<NeedlePart> all;
            for (const Needle& part : needle.parts) {
                const auto next = part_of(nfa, part);
                if (!next) {
                    return std::nullopt;
                }
                all =
                    all ? NeedlePart{nfa.either(all->part, next->part), std::min(all->bytes, next->bytes)}
                        : *next;
            }
            return all;
        }
    }
    return std::nullopt;
}

}  // namespace

std::shared_ptr<const TextAutomaton> regex_automaton(std::span<const std::string> patterns) {
    Nfa nfa;
    std::optional<Nfa::Part> all;
    bool is_exact = true;
    for (const std::string& pattern : patterns) {
        const bool is_ascii = std::ranges::all_of(pattern, [](char c) {
            return c > 0 && static_cast<uint8_t>(c) < 0x80;
        });
        if (!is_ascii || pattern.size() > kPatternBytesMax) {
            return nullptr;
        }
        RegexParser parser(nfa, pattern);
        const auto part = parser.parse();
        if (!part) {
            return nullptr;
        }
        is_exact = is_exact && parser.is_exact();
        all = all ? nfa.either(*all, *part) : *part;
    }
    return all ? nfa.finish(*all, Nfa::Reading::kCharacters, is_exact) : nullptr;
}

std::shared_ptr<const TextAutomaton> any_text_automaton(std::span<const std::string> texts) {
    Nfa nfa;
    std::optional<Nfa::Part> all;
    bool is_exact = true;
    for (const std::string& text : texts) {
        const std::string_view begin = std::string_view(text).substr(0, kTextBytesMax);
        is_exact = is_exact && begin.size() == text.size();
        const Nfa::Part part = nfa.text(begin);
        all = all ? nfa.either(*all, part) : part;
    }
    return all ? nfa.finish(*all, Nfa::Reading::kBytes, is_exact) : nullptr;
}

std::shared_ptr<const TextAutomaton> needle_automaton(const Needle& needle) {
    Nfa nfa;
    const auto part = part_of(nfa, needle);
    return part ? nfa.finish(part->part, Nfa::Reading::kBytes, false) : nullptr;
}

}  // namespace seyir
