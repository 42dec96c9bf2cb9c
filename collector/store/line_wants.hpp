// SPDX-License-Identifier: Apache-2.0
// LineWants: what a query wants of lines. A store that keeps lines in parts may answer from the
// parts: leave out rows that fail a line test, and give values instead of the line (LineValues).
// Threads: immutable once made; its functions are pure.   Soundness: all of it is permission, not
// duty; a store without parts gives whole rows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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

/// What a query reads lines as.
enum class LineFormat : uint8_t {
    kNone,  ///< not at all
    kJson,
    kLogfmt,
};

/// A label that a query reads of lines.
struct LineLabel {
    std::string name;
    uint32_t group = 0;  ///< of two labels of a group in one line, which wins is told by the line
    bool has_number = false;  ///< the query asks for the number that a value is
};

struct LineWants {
    std::vector<LineTest> tests;
    /// False: a row that passes all tests need not have its line, if the values of `labels` stand
    /// for it.
    bool is_whole = true;
    LineFormat format = LineFormat::kNone;
    std::vector<LineLabel> labels;
    /// The label's name that a member below these names, or a logfmt key, makes ("" = none), names
    /// as in the line and without escapes.
    std::function<std::string(std::span<const std::string_view> path)> label_name;
    /// Of JSON: where a label is read from, when nothing but these is: objects, arrays and null
    /// there are values too. Empty: every member is read, and those are none.
    std::vector<std::vector<std::string>> paths;
    /// The number that a text is to the query, if any. Requires: set where a label has a number.
    std::function<std::optional<double>(std::string_view text)> number_of;
};

/// What stands for lines that a page does not have.
struct LineValues {
    static constexpr uint32_t kAbsent = 0;

    /// Values of one label: by row of the batch kAbsent, or the number of a text plus one. Texts
    /// may repeat.
    struct Label {
        std::vector<uint32_t> numbers;
        uint32_t text_count = 0;
        std::vector<std::string_view> texts;  ///< empty when write() writes them
        std::string bytes;                    ///< what the texts point into
        /// Appends text `number` (from 0); null when there are texts. Most values that are compared
        /// as numbers are never asked for their text.
        std::function<void(std::string& out, uint32_t number)> write;
        /// By number of the text, as LineWants::number_of reads it; not-a-number: only the text
        /// tells. Empty unless the label has numbers.
        std::vector<double> quantities;

        Label() = default;
        Label(const Label&) = delete;
        Label& operator=(const Label&) = delete;
    };

    /// By row of the batch: 1 = its body is the line, 0 = the body is empty, the line passes all
    /// tests and the labels hold what was asked of it.
    std::vector<uint8_t> has_line;
    std::vector<std::unique_ptr<Label>> labels;  ///< as LineWants::labels
};

}  // namespace seyir::store
