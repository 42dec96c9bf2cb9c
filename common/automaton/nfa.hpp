// SPDX-License-Identifier: Apache-2.0
// Nfa: parts of a pattern put together (Thompson's construction), and the tables made of them
// (subset construction). A match may begin anywhere in a text.
// Threads: one at a time.   Limits: kNodesMax nodes, TextAutomaton's states and a bound on the
// work; beyond them there is no automaton.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/automaton/text_automaton.hpp"

namespace seyir {

/// What one step of a pattern takes.
struct Symbols {
    /// Of characters beyond ASCII, where a text is read as characters.
    enum class Beyond : uint8_t { kNone, kSome, kAll };

    std::bitset<256> bytes;
    Beyond beyond = Beyond::kNone;
};

class Nfa {
  public:
    static constexpr size_t kNodesMax = 2048;

    /// Texts are bytes, or characters of which only those of ASCII are told apart.
    enum class Reading : uint8_t { kBytes, kCharacters };

    /// Of the nodes from `first` up to `end`; each is put into a larger part once.
    struct Part {
        uint32_t first = 0;
        uint32_t end = 0;
        uint32_t begin = 0;
        uint32_t exit = 0;  ///< a node that leads nowhere yet
    };

    Part nothing();
    Part symbols(const Symbols& symbols);
    Part text(std::string_view text);
    Part text_begin();
    Part text_end();
    Part sequence(Part left, Part right);
    Part either(Part left, Part right);
    Part optional(Part part);
    Part star(Part part);
    /// From `min` to `max` of it; no max: any number more.
    Part repeat(Part part, uint32_t min, std::optional<uint32_t> max);

    bool is_full() const { return is_full_; }

    /// Null beyond the limits, and for a begin of text behind its end.
    std::shared_ptr<const TextAutomaton> finish(Part whole, Reading reading, bool is_exact);

  private:
    Part skippable(Part part, bool comes_again);
    friend class SubsetConstruction;

    enum class Kind : uint8_t { kJump, kFork, kSymbols, kBegin, kEnd, kMatch };
    static constexpr uint32_t kNowhere = UINT32_MAX;

    struct Node {
        Kind kind = Kind::kJump;
        uint32_t to = kNowhere;
        uint32_t other = kNowhere;  ///< kFork; kSymbols: which
    };

    uint32_t add(Node node);
    Part copy(const Part& part);
    Part simple(Kind kind, uint32_t symbols = kNowhere);

    std::vector<Node> nodes_;
    std::vector<Symbols> symbols_;
    bool is_full_ = false;
};

}  // namespace seyir
