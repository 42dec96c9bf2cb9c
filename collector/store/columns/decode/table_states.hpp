// SPDX-License-Identifier: Apache-2.0
// Automata over the rows of a table that is a column itself.
// Threads: pure.   Errors: false beyond the RenderLimit and for a column that is not there.
#pragma once

#include <functional>
#include <span>

#include "collector/store/columns/decode/table_decoder.hpp"
#include "common/automaton/text_automaton.hpp"

namespace seyir::store::columns {

/// Columns of a table, and of the one around. Null: not there, which is an error.
struct TableColumns {
    std::function<const Column*(uint32_t)> own;
    std::function<const Column*(uint32_t)> around;
};

/// Where texts of any row may lead.
StateSet image_of_rows(
    const TableHead& head,
    const TableColumns& columns,
    const TextAutomaton& automaton,
    const StateSet& from,
    RenderLimit& limit
);

/// Moves states[k] by the text of row rows[k].
bool advance_rows(
    const TableHead& head,
    const TableColumns& columns,
    const TextAutomaton& automaton,
    std::span<const uint32_t> rows,
    std::span<TextAutomaton::State> states,
    RenderLimit& limit
);

}  // namespace seyir::store::columns
