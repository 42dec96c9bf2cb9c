// SPDX-License-Identifier: Apache-2.0
// Automata over values: where texts of a scalar form may lead, and states that are worked out once.
// Threads: one at a time.   Soundness: what a form may lead to is never less than what it does.
#pragma once

#include <string_view>
#include <vector>

#include "collector/store/columns/slot/scalar_text.hpp"
#include "common/automaton/text_automaton.hpp"

namespace seyir::store::columns {

/// Where texts of the form may lead.
StateSet reach_by_form(
    const TextAutomaton& automaton, const StateSet& from, const ScalarForm& form
);

/// One state for each, asked for once.
class StateMemo {
  public:
    explicit StateMemo(const TextAutomaton& automaton) : automaton_(automaton) {}

    /// `find()`: the state that follows.
    template <class Find>
    TextAutomaton::State of(TextAutomaton::State state, Find&& find) {
        if (known_.empty()) {
            known_.assign(automaton_.state_count(), kUnknown);
        }
        TextAutomaton::State& known = known_[automaton_.index(state)];
        if (known == kUnknown) {
            known = find();
        }
        return known;
    }

    TextAutomaton::State run(TextAutomaton::State state, std::string_view text) {
        return of(state, [&] { return automaton_.run(state, text); });
    }

  private:
    // No row of a table of even one class begins there.
    static constexpr TextAutomaton::State kUnknown = UINT16_MAX;

    const TextAutomaton& automaton_;
    std::vector<TextAutomaton::State> known_;
};

/// States that each text of a form leads to the same way.
class FormSteps {
  public:
    FormSteps(const TextAutomaton& automaton, const ScalarForm& form)
        : automaton_(automaton), form_(form), next_(automaton) {}

    /// The state that follows whatever the text is; kOpen: the text tells.
    static constexpr TextAutomaton::State kOpen = UINT16_MAX - 1;

    TextAutomaton::State of(TextAutomaton::State state) {
        return next_.of(state, [&] {
            const StateSet to =
                reach_by_form(automaton_, StateSet::of(automaton_.index(state)), form_);
            return to.count() == 1 ? automaton_.state(to.first()) : kOpen;
        });
    }

  private:
    const TextAutomaton& automaton_;
    const ScalarForm& form_;
    StateMemo next_;
};

}  // namespace seyir::store::columns
