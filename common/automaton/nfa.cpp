// SPDX-License-Identifier: Apache-2.0
#include "common/automaton/nfa.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>

namespace seyir {
namespace {

constexpr size_t kNext = std::numeric_limits<size_t>::max();
constexpr uint64_t kWorkMax = 20'000'000;  // nodes looked at

}  // namespace

uint32_t Nfa::add(Node node) {
    if (nodes_.size() >= kNodesMax) {
        is_full_ = true;
        nodes_.clear();  // what refers to nodes is not used any more
    }
    nodes_.push_back(node);
    return static_cast<uint32_t>(nodes_.size() - 1);
}

Nfa::Part Nfa::simple(Kind kind, uint32_t symbols) {
    const uint32_t begin = add({kind, kNowhere, symbols});
    const uint32_t exit = add({});
    if (!is_full_) {
        nodes_[begin].to = exit;
    }
    return {begin, exit + 1, begin, exit};
}

Nfa::Part Nfa::nothing() {
    return simple(Kind::kJump);
}

Nfa::Part Nfa::symbols(const Symbols& symbols) {
    symbols_.push_back(symbols);
    return simple(Kind::kSymbols, static_cast<uint32_t>(symbols_.size() - 1));
}

Nfa::Part Nfa::text(std::string_view text) {
    Part whole = nothing();
    for (const char c : text) {
        Symbols one;
        one.bytes.set(static_cast<uint8_t>(c));
        whole = sequence(whole, symbols(one));
    }
    return whole;
}

Nfa::Part Nfa::text_begin() {
    return simple(Kind::kBegin);
}

Nfa::Part Nfa::text_end() {
    return simple(Kind::kEnd);
}

Nfa::Part Nfa::sequence(Part left, Part right) {
    if (!is_full_) {
        nodes_[left.exit].to = right.begin;
    }
    return {left.first, right.end, left.begin, right.exit};
}

Nfa::Part Nfa::either(Part left, Part right) {
    const uint32_t fork = add({Kind::kFork, left.begin, right.begin});
    const uint32_t exit = add({});
    if (!is_full_) {
        nodes_[left.exit].to = exit;
        nodes_[right.exit].to = exit;
    }
    return {left.first, exit + 1, fork, exit};
}

Nfa::Part Nfa::optional(Part part) {
    return skippable(part, false);
}

Nfa::Part Nfa::star(Part part) {
    return skippable(part, true);
}

Nfa::Part Nfa::skippable(Part part, bool comes_again) {
    const uint32_t exit = add({});
    const uint32_t fork = add({Kind::kFork, part.begin, exit});
    if (!is_full_) {
        nodes_[part.exit].to = comes_again ? fork : exit;
    }
    return {part.first, fork + 1, fork, exit};
}

/// Nodes of a part lie together, so a copy is the same nodes further on.
Nfa::Part Nfa::copy(const Part& part) {
    const uint32_t size = part.end - part.first;
    if (is_full_ || nodes_.size() + size > kNodesMax) {
        is_full_ = true;
        return part;
    }
    const auto first = static_cast<uint32_t>(nodes_.size());
    const uint32_t by = first - part.first;
    for (uint32_t i = part.first; i < part.end; ++i) {
        Node node = nodes_[i];
        node.to += node.to == kNowhere ? 0 : by;
        node.other += node.kind == Kind::kFork ? by : 0;
        nodes_.push_back(node);
    }
    return {first, first + size, part.begin + by, part.exit + by};
}

Nfa::Part Nfa::repeat(Part part, uint32_t min, std::optional<uint32_t> max) {
    if (min == 0 && !max) {
        return star(part);
    }
    if (min == 0 && max == 1U) {
        return optional(part);
    }
    // The part itself is kept as it is to copy from; what is not led to costs nothing later.
    Part whole = nothing();
    for (uint32_t i = 0; i < min && !is_full_; ++i) {
        whole = sequence(whole, copy(part));
    }
    if (!max) {
        whole = sequence(whole, star(copy(part)));
    }
    for (uint32_t i = min; i < max.value_or(0) && !is_full_; ++i) {
        whole = sequence(whole, optional(copy(part)));
    }
    whole.first = part.first;
    return whole;
}

class SubsetConstruction {
  public:
    SubsetConstruction(const Nfa& nfa, uint32_t begin, Nfa::Reading reading)
        : nfa_(nfa), begin_(begin), reading_(reading), seen_(nfa.nodes_.size(), 0) {}

    std::shared_ptr<const TextAutomaton> run(bool is_exact) {
        find_classes();
        const size_t states_max =
            std::min(TextAutomaton::kStatesMax, size_t{UINT16_MAX + 1} >> tables_.shift);
        add_state({});  // kUnsure
        add_state({});  // kFound
        // The empty text: both its begin and its end are here.
        std::vector<uint32_t> first;
        const bool has_match = close(begin_, true, first);
        const size_t start = has_match ? TextAutomaton::kFoundIndex : number_of(std::move(first));
        for (size_t at = 2; at < sets_.size(); ++at) {
            for (size_t c = 0; c < class_count_; ++c) {
                const size_t to = after(at, c);
                next_[at][c] = to;
            }
            if (sets_.size() > states_max || work_ > kWorkMax || is_lost_) {
                return nullptr;
            }
        }
        settle_beyond_ascii();
        std::vector<bool> is_final = finals();
        if (is_lost_) {
            return nullptr;
        }
        tables_.is_final = std::move(is_final);
        tables_.next.assign(sets_.size() << tables_.shift, 0);
        for (size_t at = 0; at < sets_.size(); ++at) {
            for (size_t c = 0; c < (size_t{1} << tables_.shift); ++c) {
                const size_t to = at < 2 ? at : c < class_count_ ? next_[at][c] : 0;
                tables_.next[(at << tables_.shift) + c] =
                    static_cast<TextAutomaton::State>(to << tables_.shift);
            }
        }
        tables_.start = static_cast<TextAutomaton::State>(start << tables_.shift);
        tables_.is_exact = is_exact;
        return std::make_shared<const TextAutomaton>(std::move(tables_));
    }

  private:
    using Kind = Nfa::Kind;

    bool reads_characters() const { return reading_ == Nfa::Reading::kCharacters; }

    /// Bytes that no step of the pattern tells apart.
    void find_classes() {
        std::map<std::vector<bool>, uint8_t> known;
        const size_t bytes = reads_characters() ? 0x80 : 0x100;
        for (size_t byte = 0; byte < bytes; ++byte) {
            std::vector<bool> taken;
            for (const Symbols& symbols : nfa_.symbols_) {
                taken.push_back(symbols.bytes[byte]);
            }
            const auto [at, is_new] =
                known.try_emplace(std::move(taken), static_cast<uint8_t>(known.size()));
            if (is_new) {
                example_.push_back(byte);
            }
            tables_.classes[byte] = at->second;
        }
        class_count_ = known.size();
        if (reads_characters()) {
            std::fill(
                tables_.classes.begin() + 0x80,
                tables_.classes.end(),
                static_cast<uint8_t>(class_count_)
            );
            ++class_count_;
        }
        tables_.shift = static_cast<unsigned>(std::bit_width(class_count_ - 1));
    }

    bool is_beyond_ascii(size_t c) const { return reads_characters() && c + 1 == class_count_; }

    size_t add_state(std::vector<uint32_t> set) {
        sets_.push_back(std::move(set));
        next_.emplace_back(class_count_, kNext);
        return sets_.size() - 1;
    }

    size_t number_of(std::vector<uint32_t> set) {
        std::ranges::sort(set);
        const auto duplicates = std::ranges::unique(set);
        set.erase(duplicates.begin(), duplicates.end());
        const auto [at, is_new] = numbers_.try_emplace(set, sets_.size());
        if (is_new) {
            add_state(std::move(set));
        }
        return at->second;
    }

    /// Adds what a node leads to without taking a byte. True when that is a match.
    bool close(uint32_t from, bool is_at_begin, std::vector<uint32_t>& set) {
        ++round_;
        return close_more(from, is_at_begin, set);
    }

    bool close_more(uint32_t from, bool is_at_begin, std::vector<uint32_t>& set) {
        todo_.assign(1, from);
        bool has_match = false;
        while (!todo_.empty()) {
            const uint32_t at = todo_.back();
            todo_.pop_back();
            if (at == Nfa::kNowhere || seen_[at] == round_) {
                continue;
            }
            ++work_;
            seen_[at] = round_;
            const Nfa::Node& node = nfa_.nodes_[at];
            switch (node.kind) {
                case Kind::kJump:
                    todo_.push_back(node.to);
                    break;
                case Kind::kFork:
                    todo_.push_back(node.to);
                    todo_.push_back(node.other);
                    break;
                case Kind::kBegin:
                    if (is_at_begin) {
                        todo_.push_back(node.to);
                    }
                    break;
                case Kind::kMatch:
                    has_match = true;
                    break;
                case Kind::kSymbols:
                case Kind::kEnd:
                    set.push_back(at);
                    break;
            }
        }
        return has_match;
    }

    /// The state behind a byte of the class; a new match may begin there too.
    size_t after(size_t state, size_t c) {
        std::vector<uint32_t> set;
        bool has_match = false;
        ++round_;
        const std::vector<uint32_t> from = sets_[state];
        for (const uint32_t at : from) {
            const Nfa::Node& node = nfa_.nodes_[at];
            if (node.kind != Kind::kSymbols) {
                continue;
            }
            const Symbols& symbols = nfa_.symbols_[node.other];
            bool takes = false;
            if (!is_beyond_ascii(c)) {
                takes = symbols.bytes[example_[c]];
            } else if (symbols.beyond == Symbols::Beyond::kSome) {
                return TextAutomaton::kUnsureIndex;
            } else {
                takes = symbols.beyond == Symbols::Beyond::kAll;
            }
            has_match = (takes && close_more(node.to, false, set)) || has_match;
        }
        has_match = close_more(begin_, false, set) || has_match;
        return has_match ? TextAutomaton::kFoundIndex : number_of(std::move(set));
    }

    /// A character beyond ASCII has several bytes, and of a text that is no UTF-8 each byte is one
    /// character: sure only where one more makes no difference.
    void settle_beyond_ascii() {
        if (!reads_characters()) {
            return;
        }
        const size_t c = class_count_ - 1;
        std::vector<size_t> settled(sets_.size());
        for (size_t at = 2; at < sets_.size(); ++at) {
            const size_t to = next_[at][c];
            const bool is_same = to < 2 || next_[to][c] == to;
            settled[at] = is_same ? to : TextAutomaton::kUnsureIndex;
        }
        for (size_t at = 2; at < sets_.size(); ++at) {
            next_[at][c] = settled[at];
        }
    }

    /// Where the text's end makes a match. A begin behind an end is not understood.
    std::vector<bool> finals() {
        std::vector<bool> is_final(sets_.size(), false);
        is_final[TextAutomaton::kFoundIndex] = true;
        for (size_t at = 2; at < sets_.size(); ++at) {
            for (const uint32_t from : sets_[at]) {
                if (nfa_.nodes_[from].kind == Kind::kEnd) {
                    is_final[at] = leads_to_match(nfa_.nodes_[from].to) || is_final[at];
                }
            }
        }
        return is_final;
    }

    bool leads_to_match(uint32_t from) {
        ++round_;
        todo_.assign(1, from);
        bool has_match = false;
        while (!todo_.empty()) {
            const uint32_t at = todo_.back();
            todo_.pop_back();
            if (at == Nfa::kNowhere || seen_[at] == round_) {
                continue;
            }
            seen_[at] = round_;
            const Nfa::Node& node = nfa_.nodes_[at];
            has_match = has_match || node.kind == Kind::kMatch;
            is_lost_ = is_lost_ || node.kind == Kind::kBegin;
            if (node.kind == Kind::kJump || node.kind == Kind::kEnd || node.kind == Kind::kFork) {
                todo_.push_back(node.to);
            }
            if (node.kind == Kind::kFork) {
                todo_.push_back(node.other);
            }
        }
        return has_match;
    }

    const Nfa& nfa_;
    uint32_t begin_;
    Nfa::Reading reading_;
    TextAutomaton::Tables tables_;
    size_t class_count_ = 0;
    std::vector<size_t> example_;  ///< a byte of each class
    std::vector<std::vector<uint32_t>> sets_;
    std::vector<std::vector<size_t>> next_;
    std::map<std::vector<uint32_t>, size_t> numbers_;
    std::vector<uint32_t> seen_;  ///< in which round
    uint32_t round_ = 0;
    std::vector<uint32_t> todo_;
    uint64_t work_ = 0;
    bool is_lost_ = false;
};

std::shared_ptr<const TextAutomaton> Nfa::finish(Part whole, Reading reading, bool is_exact) {
    const uint32_t match = add({Kind::kMatch, kNowhere, kNowhere});
    if (is_full_) {
        return nullptr;
    }
    nodes_[whole.exit].to = match;
    return SubsetConstruction(*this, whole.begin, reading).run(is_exact);
}

}  // namespace seyir
