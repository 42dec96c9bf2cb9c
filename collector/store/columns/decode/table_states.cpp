// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/table_states.hpp"

#include <algorithm>

#include "collector/store/columns/decode/form_states.hpp"

namespace seyir::store::columns {
namespace {

using State = TextAutomaton::State;

bool take_steps(RenderLimit& limit, uint64_t steps) {
    if (limit.steps < steps) {
        return false;
    }
    limit.steps -= steps;
    return true;
}

/// Rows of one shape while they are read.
struct Group {
    std::vector<size_t> from;  ///< which of the states
    std::vector<uint32_t> rows;
    std::vector<State> states;
};

/// False as with advance_rows().
bool advance_group(
    const TableHead& head,
    const TableHead::Shape& shape,
    const TableColumns& columns,
    const TextAutomaton& automaton,
    Group& group,
    RenderLimit& limit
) {
    if (!take_steps(limit, (shape.slots.size() + 1) * group.rows.size())) {
        return false;
    }
    const auto run_literal = [&](std::string_view literal) {
        StateMemo memo(automaton);
        for (State& state : group.states) {
            state = memo.run(state, literal);
        }
    };
    std::vector<uint32_t> values(group.rows.size());
    size_t place = 0;
    for (const TableHead::Slot& slot : shape.slots) {
        run_literal(slot.literal);
        const bool is_same = slot.rule == Rule::kSame;
        const Column* const column =
            is_same ? columns.around(slot.column) : columns.own(slot.column);
        if (column == nullptr) {
            return false;
        }
        for (size_t k = 0; k < values.size(); ++k) {
            const uint32_t row = group.rows[k];
            values[k] = is_same ? row : head.places[head.first_place[row] + place];
            if (values[k] >= column->count()) {
                return false;
            }
        }
        place += is_same ? 0 : 1;
        if (!column->advance(automaton, values, group.states, limit)) {
            return false;
        }
    }
    run_literal(shape.tail);
    return true;
}

}  // namespace

StateSet image_of_rows(
    const TableHead& head,
    const TableColumns& columns,
    const TextAutomaton& automaton,
    const StateSet& from,
    RenderLimit& limit
) {
    StateSet all;
    for (const TableHead::Shape& shape : head.shapes) {
        if (!take_steps(limit, shape.slots.size() + 1)) {
            return automaton.reach_any(from);
        }
        StateSet states = from;
        for (const TableHead::Slot& slot : shape.slots) {
            const Column* const column =
                slot.rule == Rule::kSame ? columns.around(slot.column) : columns.own(slot.column);
            if (column == nullptr) {
                return automaton.reach_any(from);
            }
            states = column->image(automaton, automaton.run(states, slot.literal), limit);
        }
        all.add_all(automaton.run(states, shape.tail));
    }
    return all;
}

bool advance_rows(
    const TableHead& head,
    const TableColumns& columns,
    const TextAutomaton& automaton,
    std::span<const uint32_t> rows,
    std::span<State> states,
    RenderLimit& limit
) {
    std::vector<Group> groups(head.shapes.size());
    for (size_t k = 0; k < rows.size(); ++k) {
        if (!automaton.is_settled(states[k])) {
            Group& group = groups[static_cast<size_t>(head.row_shapes[rows[k]])];
            group.from.push_back(k);
            group.rows.push_back(rows[k]);
            group.states.push_back(states[k]);
        }
    }
    for (size_t i = 0; i < groups.size(); ++i) {
        Group& group = groups[i];
        if (group.rows.empty()) {
            continue;
        }
        if (!advance_group(head, head.shapes[i], columns, automaton, group, limit)) {
            return false;
        }
        for (size_t k = 0; k < group.from.size(); ++k) {
            states[group.from[k]] = group.states[k];
        }
    }
    return true;
}

}  // namespace seyir::store::columns
