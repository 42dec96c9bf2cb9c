// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/line_scan.hpp"

#include <algorithm>

#include "collector/store/columns/decode/form_states.hpp"

namespace seyir::store::columns {
namespace {

using State = TextAutomaton::State;

/// Steps of a shape: 2i is the literal in front of slot i, 2i + 1 the slot, the last the tail.
struct Stretch {
    size_t begin = 0;
    size_t end = 0;
    State state = 0;       ///< of all rows at its begin
    bool finds = false;    ///< its rows may find something
    bool is_last = false;  ///< the text ends here
};

class LineScan {
  public:
    LineScan(LineColumns& lines, const TextAutomaton& automaton, uint64_t raw_bytes)
        : lines_(lines), head_(lines.head()), automaton_(automaton) {
        limit_.bytes_max = raw_bytes;
    }

    Result<std::vector<Holds>> run(std::span<const uint32_t> rows) {
        std::vector<Holds> holds(rows.size(), Holds::kNo);
        std::vector<std::vector<uint32_t>> of_shape(head_.shapes.size());  // places in rows
        for (uint32_t i = 0; i < rows.size(); ++i) {
            of_shape[static_cast<size_t>(head_.row_shapes[rows[i]])].push_back(i);
        }
        for (size_t shape = 0; shape < of_shape.size(); ++shape) {
            if (of_shape[shape].empty()) {
                continue;
            }
            SEYIR_TRY(const auto stretches, plan(head_.shapes[shape]));
            for (const Stretch& stretch : stretches) {
                if (stretch.finds) {
                    SEYIR_CHECK(read(head_.shapes[shape], stretch, rows, of_shape[shape], holds));
                }
            }
        }
        return holds;
    }

  private:
    static std::string_view literal_at(const TableHead::Shape& shape, size_t step) {
        return step / 2 < shape.slots.size() ? shape.slots[step / 2].literal : shape.tail;
    }

    Result<StateSet> after(const TableHead::Shape& shape, size_t step, const StateSet& from) {
        if (step % 2 == 0) {
            return automaton_.run(from, literal_at(shape, step));
        }
        const uint32_t number = shape.slots[step / 2].column;
        if (const auto form = lines_.form_of(number)) {
            return reach_by_form(automaton_, from, *form);
        }
        SEYIR_TRY(const Column* const column, lines_.slot(number));
        return column->image(automaton_, from, limit_);
    }

    /// Stretches between places where all rows that found nothing are in one state.
    Result<std::vector<Stretch>> plan(const TableHead::Shape& shape) {
        const size_t steps = 2 * shape.slots.size() + 1;
        std::vector<Stretch> stretches;
        Stretch now{.state = automaton_.start()};
        StateSet states = StateSet::of(automaton_.index(automaton_.start()));
        const auto settle = [&] {
            for (const size_t settled : {TextAutomaton::kFoundIndex, TextAutomaton::kUnsureIndex}) {
                now.finds = now.finds || states.has(settled);
                states.remove(settled);
            }
        };
        settle();
        for (size_t step = 0; step < steps && states != StateSet(); ++step) {
            if (states.count() == 1 && step > 0) {
                now.end = step;
                stretches.push_back(now);
                now = {.begin = step, .state = automaton_.state(states.first())};
            }
            SEYIR_TRY(states, after(shape, step, states));
            settle();
            now.end = step + 1;
        }
        now.is_last = now.end == steps;
        states.for_each([&](size_t at) {
            now.finds = now.finds || automaton_.is_final(automaton_.state(at));
        });
        stretches.push_back(now);
        return stretches;
    }

    Result<void> read(
        const TableHead::Shape& shape,
        const Stretch& stretch,
        std::span<const uint32_t> rows,
        std::vector<uint32_t>& open,
        std::vector<Holds>& holds
    ) {
        SEYIR_TRY(const TableHead* const placed, lines_.placed_head());
        (void)placed;
        std::vector<State> states(open.size(), stretch.state);
        std::vector<uint32_t> values(open.size());
        for (size_t step = stretch.begin; step < stretch.end; ++step) {
            if (step % 2 == 0) {
                StateMemo memo(automaton_);
                for (State& state : states) {
                    state = memo.run(state, literal_at(shape, step));
                }
                continue;
            }
            SEYIR_TRY(const Column* const column, lines_.slot(shape.slots[step / 2].column));
            for (size_t k = 0; k < open.size(); ++k) {
                values[k] = head_.places[head_.first_place[rows[open[k]]] + step / 2];
            }
            if (limit_.steps < values.size() ||
                !column->advance(automaton_, values, states, limit_)) {
                return malformed("a slot");
            }
            limit_.steps -= values.size();
        }
        size_t left = 0;
        for (size_t k = 0; k < open.size(); ++k) {
            const bool is_found = automaton_.is_found(states[k]) ||
                                  (stretch.is_last && automaton_.is_final(states[k]));
            if (!is_found && !automaton_.is_unsure(states[k])) {
                open[left++] = open[k];
                continue;
            }
            holds[open[k]] = is_found && automaton_.is_exact() ? Holds::kYes : Holds::kMaybe;
        }
        open.resize(left);
        return {};
    }

    LineColumns& lines_;
    const TableHead& head_;
    const TextAutomaton& automaton_;
    RenderLimit limit_;
};

}  // namespace

Result<std::vector<Holds>> scan_lines(
    LineColumns& lines,
    const TextAutomaton& automaton,
    uint64_t raw_bytes,
    std::span<const uint32_t> rows
) {
    return LineScan(lines, automaton, raw_bytes).run(rows);
}

}  // namespace seyir::store::columns
