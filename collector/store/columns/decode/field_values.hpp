// SPDX-License-Identifier: Apache-2.0
// FieldValues: the values of one field of a block's lines, without the lines.
// Threads: one at a time.   Errors: kCorrupt.   Limits: `raw_bytes` of text.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/columns/decode/line_columns.hpp"

namespace seyir::store::columns {

/// Values of one field, a row each.
struct FieldValues {
    enum class State : uint8_t {
        kAbsent,   ///< the line is read as JSON or logfmt and has no such field
        kText,     ///< of a string, without its quotes; holds no escape
        kScalar,   ///< number, true, false or null as written
        kUnknown,  ///< only the whole line tells: another format, escapes, the name twice
    };

    std::string text;
    std::vector<State> states;
    std::vector<uint32_t> ends;  ///< in text, one past each row's value

    std::string_view value(size_t row) const {
        const uint32_t begin = row == 0 ? 0 : ends[row - 1];
        return std::string_view(text).substr(begin, ends[row] - begin);
    }
};

/// `path`: names from the outermost object in, or one logfmt key.
Result<FieldValues> read_field_values(
    LineColumns& lines, uint64_t raw_bytes, std::span<const std::string_view> path
);

}  // namespace seyir::store::columns
