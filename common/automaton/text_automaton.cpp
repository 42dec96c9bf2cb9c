// SPDX-License-Identifier: Apache-2.0
#include "common/automaton/text_automaton.hpp"

namespace seyir {

StateSet TextAutomaton::run(const StateSet& from, std::string_view text) const {
    StateSet to;
    from.for_each([&](size_t at) { to.add(index(run(state(at), text))); });
    return to;
}

StateSet TextAutomaton::reach(const StateSet& from, const std::array<bool, 256>& classes) const {
    StateSet seen;
    std::vector<size_t> todo;
    const auto step = [&](size_t at) {
        for (size_t byte_class = 0; byte_class < (size_t{1} << tables_.shift); ++byte_class) {
            if (!classes[byte_class]) {
                continue;
            }
            const size_t to = index(tables_.next[state(at) + byte_class]);
            if (!seen.has(to)) {
                seen.add(to);
                todo.push_back(to);
            }
        }
    };
    from.for_each(step);
    while (!todo.empty()) {
        const size_t at = todo.back();
        todo.pop_back();
        step(at);
    }
    return seen;
}

StateSet TextAutomaton::reach(const StateSet& from, std::string_view alphabet) const {
    std::array<bool, 256> classes{};
    for (const char c : alphabet) {
        classes[tables_.classes[static_cast<uint8_t>(c)]] = true;
    }
    return reach(from, classes);
}

StateSet TextAutomaton::reach_any(const StateSet& from) const {
    std::array<bool, 256> classes{};
    for (const uint8_t byte_class : tables_.classes) {
        classes[byte_class] = true;
    }
    StateSet all = reach(from, classes);
    all.add_all(from);
    return all;
}

}  // namespace seyir
