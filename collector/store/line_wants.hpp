// SPDX-License-Identifier: Apache-2.0
// LineWants: what a query wants of lines. A store that keeps lines in parts may answer from the
// parts: leave out rows that fail a line test, and give values instead of the line (LineValues).
// Threads: immutable once made; its functions are pure.   Soundness: all of it is permission, not
// duty; a store without parts gives whole rows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/automaton/text_automaton.hpp"

namespace seyir::store {

/// A test that every wanted line passes.
struct LineTest {
    /// What the test looks for, or more than that when it is not exact. Null: nothing is known.
    std::shared_ptr<const TextAutomaton> automaton;
    bool negated = false;  ///< a line passes without it
};

/// A label that a query reads of JSON lines.
struct JsonLabel {
    std::string name;
    uint32_t group = 0;  ///< of two labels of a group in one line, which wins is told by the line
};

struct LineWants {
    std::vector<LineTest> tests;
    /// False: a row that passes all tests need not have its line, if the values of `json_labels`
    /// stand for it.
    bool is_whole = true;
    /// The line is read as JSON; without it nothing of it is read at all.
    bool as_json = false;
    std::vector<JsonLabel> json_labels;
    /// The label's name that a member below these names makes ("" = none), names as in the line
    /// and without escapes.
    std::function<std::string(std::span<const std::string_view> path)> json_label_name;
};

/// What stands for lines that a page does not have.
struct LineValues {
    static constexpr uint32_t kAbsent = 0;

    /// Values of one label: by row of the batch kAbsent, or a number into `texts` plus one. Texts
    /// may repeat.
    struct Label {
        std::vector<uint32_t> numbers;
        std::vector<std::string_view> texts;
        std::string bytes;  ///< what the texts point into

        Label() = default;
        Label(const Label&) = delete;
        Label& operator=(const Label&) = delete;
    };

    /// By row of the batch: 1 = its body is the line, 0 = the body is empty, the line passes all
    /// tests and the labels hold what was asked of it.
    std::vector<uint8_t> has_line;
    std::vector<std::unique_ptr<Label>> labels;  ///< as LineWants::json_labels
};

}  // namespace seyir::store
