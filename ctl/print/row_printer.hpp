// SPDX-License-Identifier: Apache-2.0
// RowPrinter: how a row or a sample looks: for people, as one JSON object a line, or as the bytes
// of the line.
// Threads: one owner.   Format: docs/guide/command-line.md.
#pragma once

#include <string>
#include <string_view>

#include "ctl/print/row_buffer.hpp"
#include "ctl/print/terminal.hpp"

namespace seyir::ctl {

enum class OutputForm { kHuman, kJson, kRaw };

enum class LabelDisplay { kShort, kAll, kNone };

struct PrintStyle {
    OutputForm form = OutputForm::kHuman;
    LabelDisplay labels = LabelDisplay::kShort;
    bool color = false;
    bool clean = false;  ///< control bytes out of lines: a terminal obeys them
    bool utc = false;
};

void append_row(std::string& out, const RowView& row, const PrintStyle& style);
void append_sample(
    std::string& out,
    const LabelList& metric,
    std::string_view seconds,
    std::string_view value,
    const PrintStyle& style
);

/// "error", "warn", ...: from the labels `detected_level`, `level`, `severity`, else from the first
/// words of the line; "" when it says nothing.
std::string_view level_of(const RowView& row);

/// `{a="1", b="2"}`.
std::string labels_text(const LabelList& labels);

}  // namespace seyir::ctl
