// SPDX-License-Identifier: Apache-2.0
// TextAutomaton: which texts hold a match of a pattern, byte by byte, so that a text can be read in
// pieces, pieces that repeat only once, and whole sets of texts at a time.
// Threads: immutable once made.   Limits: kStatesMax states.
// Soundness: a text that ends in no final state and not in kUnsure has no match. One that gets to
// kFound, or ends in a final state, has one if is_exact().
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

namespace seyir {

class StateSet;

class TextAutomaton {
  public:
    /// A row of the table: index() << shift.
    using State = uint16_t;
    static constexpr size_t kStatesMax = 512;
    static constexpr size_t kUnsureIndex = 0;  ///< never left: only the text as a whole tells
    static constexpr size_t kFoundIndex = 1;   ///< never left

    struct Tables {
        std::array<uint8_t, 256> classes{};  ///< of bytes
        unsigned shift = 0;                  ///< 1 << shift classes or fewer
        std::vector<State> next;             ///< by state and class
        std::vector<bool> is_final;          ///< by index: a text that ends here has a match
        State start = 0;
        bool is_exact = true;
    };

    explicit TextAutomaton(Tables tables) : tables_(std::move(tables)) {}

    State start() const { return tables_.start; }

    bool is_exact() const { return tables_.is_exact; }

    size_t state_count() const { return tables_.is_final.size(); }

    size_t index(State state) const { return state >> tables_.shift; }

    State state(size_t index) const { return static_cast<State>(index << tables_.shift); }

    bool is_final(State state) const { return tables_.is_final[index(state)]; }

    bool is_found(State state) const { return index(state) == kFoundIndex; }

    bool is_unsure(State state) const { return index(state) == kUnsureIndex; }

    /// kFound or kUnsure: no text leads out of it.
    bool is_settled(State state) const { return index(state) <= kFoundIndex; }

    State run(State state, std::string_view text) const {
        const State* const next = tables_.next.data();
        for (const char c : text) {
            state = next[state + tables_.classes[static_cast<uint8_t>(c)]];
        }
        return state;
    }

    StateSet run(const StateSet& from, std::string_view text) const;

    /// Where texts of one or more of these bytes may lead.
    StateSet reach(const StateSet& from, std::string_view alphabet) const;
    /// Where any text may lead.
    StateSet reach_any(const StateSet& from) const;

  private:
    StateSet reach(const StateSet& from, const std::array<bool, 256>& classes) const;

    Tables tables_;
};

/// States of an automaton, by index.
class StateSet {
  public:
    StateSet() = default;

    static StateSet of(size_t index) {
        StateSet set;
        set.add(index);
        return set;
    }

    void add(size_t index) { words_[index / 64] |= uint64_t{1} << index % 64; }

    void remove(size_t index) { words_[index / 64] &= ~(uint64_t{1} << index % 64); }

    bool has(size_t index) const { return (words_[index / 64] >> index % 64 & 1) != 0; }

    void add_all(const StateSet& other) {
        for (size_t i = 0; i < words_.size(); ++i) {
            words_[i] |= other.words_[i];
        }
    }

    size_t count() const {
        size_t n = 0;
        for (const uint64_t word : words_) {
            n += static_cast<size_t>(std::popcount(word));
        }
        return n;
    }

    /// Requires: count() > 0.
    size_t first() const {
        size_t i = 0;
        while (words_[i] == 0) {
            ++i;
        }
        return i * 64 + static_cast<size_t>(std::countr_zero(words_[i]));
    }

    template <class Fn>
    void for_each(Fn&& fn) const {
        for (size_t i = 0; i < words_.size(); ++i) {
            for (uint64_t word = words_[i]; word != 0; word &= word - 1) {
                fn(i * 64 + static_cast<size_t>(std::countr_zero(word)));
            }
        }
    }

    bool operator==(const StateSet&) const = default;

  private:
    std::array<uint64_t, TextAutomaton::kStatesMax / 64> words_{};
};

}  // namespace seyir
