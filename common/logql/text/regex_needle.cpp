// SPDX-License-Identifier: Apache-2.0
#include "common/logql/text/regex_needle.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "common/automaton/pattern_reader.hpp"

namespace seyir::logql {
namespace {

constexpr size_t kTextBytesMax = 256;
constexpr uint32_t kRepeatsUnrolledMax = 8;

struct Text {
    std::string bytes;
    bool any_case = false;

    bool operator==(const Text&) const = default;
};

/// What is known of the matches of a part of the pattern.
struct Info {
    /// Every match is one of these; nothing when they are not known.
    std::optional<std::vector<Text>> texts;
    Needle required;  ///< otherwise
};

Info gap() {
    return {};
}

Info exactly(std::string bytes, bool any_case = false) {
    return {std::vector<Text>{{std::move(bytes), any_case}}, {}};
}

Needle needle_of(const std::vector<Text>& texts, Needle::Place place) {
    std::vector<Needle> parts;
    for (const Text& text : texts) {
        if (text.bytes.empty()) {
            return {};
        }
        parts.push_back(Needle::of(text.bytes, text.any_case, place));
    }
    return Needle::any(std::move(parts));
}

/// Parts one behind the other.
class Sequence {
  public:
    explicit Sequence(Needle::Place place) : place_(place) {}

    void add(const Info& info) {
        if (!info.texts) {
            flush();
            parts_.push_back(info.required);
            return;
        }
        if (!fits(*info.texts)) {
            flush();
            is_exact_ = false;
        }
        std::vector<Text> joined;
        for (const Text& left : texts_) {
            for (const Text& right : *info.texts) {
                Text both{left.bytes + right.bytes, left.any_case || right.any_case};
                if (std::ranges::find(joined, both) == joined.end()) {
                    joined.push_back(std::move(both));
                }
            }
        }
        texts_ = std::move(joined);
    }

    Info finish() {
        if (is_exact_) {
            return {std::move(texts_), {}};
        }
        flush();
        return {std::nullopt, Needle::all(std::move(parts_))};
    }

  private:
    bool fits(const std::vector<Text>& next) const {
        const auto longest = [](const std::vector<Text>& texts) {
            size_t bytes = 0;
            for (const Text& text : texts) {
                bytes = std::max(bytes, text.bytes.size());
            }
            return bytes;
        };
        return texts_.size() * next.size() <= kAlternativesMax &&
               longest(texts_) + longest(next) <= kTextBytesMax;
    }

    /// What stood together so far is asked for; something unknown follows.
    void flush() {
        parts_.push_back(needle_of(texts_, place_));
        texts_ = {{}};
        is_exact_ = false;
    }

    Needle::Place place_;
    std::vector<Text> texts_ = {{}};
    std::vector<Needle> parts_;
    bool is_exact_ = true;
};

class Parser : PatternReader {
  public:
    Parser(std::string_view pattern, Needle::Place part) : PatternReader(pattern), part_(part) {}

    /// Nothing when something is not understood.
    std::optional<Info> parse() {
        Info info = alternatives(false, 0);
        return is_whole() ? std::optional(std::move(info)) : std::nullopt;
    }

  private:
    Info lost() {
        give_up();
        return gap();
    }

    /// Up to the group's end; flags set inside hold until there.
    Info alternatives(bool any_case, int depth) {
        if (depth > kGroupDepthMax) {
            return lost();
        }
        std::vector<Info> branches;
        do {
            branches.push_back(sequence(any_case, depth));
        } while (take("|"));
        if (branches.size() == 1) {
            return std::move(branches.front());
        }
        std::vector<Text> texts;
        bool is_exact = true;
        for (const Info& branch : branches) {
            is_exact = is_exact && branch.texts.has_value();
            if (is_exact) {
                texts.insert(texts.end(), branch.texts->begin(), branch.texts->end());
            }
        }
        if (is_exact && texts.size() <= kAlternativesMax) {
            return {std::move(texts), {}};
        }
        std::vector<Needle> any;
        for (Info& branch : branches) {
            any.push_back(
                branch.texts ? needle_of(*branch.texts, part_) : std::move(branch.required)
            );
        }
        return {std::nullopt, Needle::any(std::move(any))};
    }

    Info sequence(bool& any_case, int depth) {
        Sequence sequence(part_);
        while (!done() && peek() != '|' && peek() != ')') {
            if (const auto flags = inline_flags(any_case)) {
                any_case = *flags;
                continue;
            }
            const Info info = atom(any_case, depth);
            if (!is_lost_) {
                repeat(sequence, info);
            }
        }
        return sequence.finish();
    }

    /// `(?i)`: gives the case flag after it; nothing when something else stands here.
    std::optional<bool> inline_flags(bool any_case) {
        if (!pattern_.substr(at_).starts_with("(?")) {
            return std::nullopt;
        }
        size_t end = at_ + 2;
        bool sets = true;
        for (; end < pattern_.size(); ++end) {
            const char c = pattern_[end];
            if (c == ')') {
                at_ = end + 1;
                return any_case;
            }
            if (c == '-') {
                sets = false;
            } else if (c == 'i') {
                any_case = sets;
            } else if (c != 'm' && c != 's' && c != 'U') {
                return std::nullopt;
            }
        }
        return std::nullopt;
    }

    Info atom(bool any_case, int depth) {
        const char c = peek();
        switch (c) {
            case '(':
                return group(any_case, depth);
            case '[':
                return character_class(any_case);
            case '.':
                ++at_;
                return gap();
            case '^':
            case '$':
                ++at_;
                return exactly("");
            case '\\':
                return escape(any_case);
            case '*':
            case '+':
            case '?':
                return lost();
            default:
                if (braced_counts()) {
                    return lost();  // `a(?i){2}`: RE2 looks past the flags
                }
                return exactly(character(), any_case);
        }
    }

    /// One character, however many bytes it has.
    std::string character() {
        std::string bytes(1, pattern_[at_++]);
        while (at_ < pattern_.size() && (static_cast<unsigned char>(pattern_[at_]) & 0xc0) == 0x80
        ) {
            bytes += pattern_[at_++];
        }
        return bytes;
    }

    Info group(bool any_case, int depth) {
        ++at_;
        if (take("?")) {
            if (take("P<") || take("<")) {
                skip_past('>');
            } else if (!group_flags(any_case)) {
                return lost();
            }
        }
        Info info = alternatives(any_case, depth + 1);
        return take(")") ? info : lost();
    }

    /// `i-s:` after `(?`.
    bool group_flags(bool& any_case) {
        for (bool sets = true; !done(); ++at_) {
            switch (peek()) {
                case ':':
                    ++at_;
                    return true;
                case '-':
                    sets = false;
                    break;
                case 'i':
                    any_case = sets;
                    break;
                case 'm':
                case 's':
                case 'U':
                    break;
                default:
                    return false;
            }
        }
        return false;
    }

    Info escape(bool any_case) {
        ++at_;
        const char c = peek();
        ++at_;
        switch (c) {
            case 'A':
            case 'z':
            case 'b':
            case 'B':
                return exactly("");
            case 'd':
            case 'D':
            case 'w':
            case 'W':
            case 's':
            case 'S':
                return gap();
            case 'p':
            case 'P':
                return property();
            case 'x':
                return code_point(any_case);
            default:
                break;
        }
        const auto character = escaped(c);
        return character ? exactly(std::string(1, *character)) : lost();
    }

    Info property() {
        if (peek() == '{') {
            skip_past('}');
        } else {
            ++at_;
        }
        return gap();
    }

    /// A character beyond ASCII may stand for one byte or for its encoding: see Regex.
    Info code_point(bool any_case) {
        const auto value = hexadecimal();
        if (!value) {
            return lost();
        }
        return *value < 0x80 ? exactly(std::string(1, static_cast<char>(*value)), any_case) : gap();
    }

    /// A few ASCII characters are alternatives; others are a gap.
    Info character_class(bool any_case) {
        ++at_;
        bool is_known = !take("^");
        std::vector<Text> texts;
        for (bool is_first = true; !done() && (is_first || peek() != ']'); is_first = false) {
            if (pattern_.substr(at_).starts_with("[:")) {
                const size_t end = pattern_.find(":]", at_);
                if (end == std::string_view::npos) {
                    return lost();
                }
                at_ = end + 2;
                is_known = false;
                continue;
            }
            const auto from = class_character();
            if (!from) {
                is_known = false;
                continue;
            }
            auto to = from;
            if (peek() == '-' && peek(1) != ']') {
                ++at_;
                to = class_character();
            }
            is_known = is_known && to && *to >= *from &&
                       texts.size() + static_cast<size_t>(*to - *from) < kAlternativesMax;
            for (int c = *from; is_known && c <= *to; ++c) {
                texts.push_back({std::string(1, static_cast<char>(c)), any_case});
            }
        }
        if (!take("]")) {
            return lost();
        }
        return is_known && !texts.empty() ? Info{std::move(texts), {}} : gap();
    }

    /// Nothing for what is not one ASCII character.
    std::optional<char> class_character() {
        if (peek() != '\\') {
            const std::string bytes = character();
            const bool is_ascii = static_cast<unsigned char>(bytes[0]) < 0x80;
            return is_ascii ? std::optional(bytes[0]) : std::nullopt;
        }
        if (peek(1) == 'b' || peek(1) == 'B' || peek(1) == 'Q' || peek(1) == 'E') {
            lost();
            return std::nullopt;
        }
        const Info info = escape(false);
        const bool is_one = info.texts && info.texts->front().bytes.size() == 1;
        return is_one ? std::optional(info.texts->front().bytes[0]) : std::nullopt;
    }

    /// Adds what the quantifier behind an atom makes of it.
    void repeat(Sequence& sequence, const Info& info) {
        const Counts counts = quantifier().value_or(Counts());
        if (is_lost_) {
            return;
        }
        if (counts.max == 0U) {
            return;
        }
        if (counts.min == 0) {
            sequence.add(counts.max == 1U ? optional(info) : gap());
            return;
        }
        if (!info.texts) {
            sequence.add(info);
            return;
        }
        const bool is_unrolled = counts.min <= kRepeatsUnrolledMax;
        for (uint32_t i = 0; i < (is_unrolled ? counts.min : 1); ++i) {
            sequence.add(info);
        }
        if (!is_unrolled || counts.max != counts.min) {
            // However many there are: what follows stands behind one of them.
            sequence.add(gap());
            sequence.add(info);
        }
    }

    static Info optional(Info info) {
        if (!info.texts || info.texts->size() >= kAlternativesMax) {
            return gap();
        }
        info.texts->push_back({});
        return info;
    }

    Needle::Place part_;
};

}  // namespace

Needle regex_needle(std::string_view pattern, Needle::Place part, Needle::Place whole) {
    if (pattern.size() > kPatternBytesMax) {
        return {};
    }
    auto info = Parser(pattern, part).parse();
    if (!info) {
        return {};
    }
    return info->texts ? needle_of(*info->texts, whole) : std::move(info->required);
}

}  // namespace seyir::logql
