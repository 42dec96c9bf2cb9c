// SPDX-License-Identifier: Apache-2.0
// The syntax of regular expressions (RE2, github.com/google/re2/wiki/Syntax) below what they mean:
// for readers that make something else of a pattern than RE2 does, and give up where they would
// have to guess.
// Threads: one reader belongs to one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace seyir {

class PatternReader {
  public:
    struct Counts {
        uint32_t min = 1;
        std::optional<uint32_t> max = 1;  ///< nothing: any number
    };

    /// `pattern` is borrowed. RE2 took it: what it refuses is not told from what it takes.
    explicit PatternReader(std::string_view pattern) : pattern_(pattern) {}

    /// The character behind a backslash that stands for itself or for a control; nothing for all
    /// others, `\x` too.
    static std::optional<char> escaped(char c);

  protected:
    bool done() const { return is_lost_ || at_ >= pattern_.size(); }

    /// All was read, and understood.
    bool is_whole() const { return !is_lost_ && at_ == pattern_.size(); }

    /// NUL behind the end.
    char peek(size_t ahead = 0) const {
        return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0';
    }

    bool take(std::string_view text);

    /// To behind the next `end`, or to the pattern's end.
    void skip_past(char end) { at_ = std::min(pattern_.find(end, at_), pattern_.size() - 1) + 1; }

    void give_up() { is_lost_ = true; }

    /// What stands behind an atom; nothing when that is no quantifier. Gives up where RE2 has its
    /// own idea of it (`a**`).
    std::optional<Counts> quantifier();

    /// `{2}`, `{2,}`, `{2,5}`; anything else in braces is text, `{02}` too.
    std::optional<Counts> braced_counts();

    /// Behind `\x`: `7f` or `{7f}`. Nothing when it is not hexadecimal, or of over 8 digits.
    std::optional<uint32_t> hexadecimal();

    std::string_view pattern_;
    size_t at_ = 0;
    bool is_lost_ = false;

  private:
    std::optional<uint32_t> count_at(size_t& at) const;
};

}  // namespace seyir
