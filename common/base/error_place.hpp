// SPDX-License-Identifier: Apache-2.0
// Where in a text an error stands, for programs that can show the place themselves. The small
// languages (LogQL, templates, patterns) write their errors in one form, which is read back here:
//   "parse error at line 1, col 8: WHAT\n  excerpt\n       ^\nhint: HINT"
// Lines count from 1, columns from 1 in code points. Excerpt lines begin with two blanks; excerpt
// and hint may be missing, and anything may stand before "at line".
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace seyir {

struct ErrorPlace {
    size_t offset_bytes = 0;  ///< in the text; its size = at the end
    size_t length_bytes = 0;  ///< of the word or sign there; 0 at the end
    std::string what;
    std::string hint;                ///< "" = none
    std::vector<std::string> notes;  ///< other lines
};

/// Nothing when the error does not have this form or its place is not in `text`.
std::optional<ErrorPlace> error_place(const Error& error, std::string_view text);

}  // namespace seyir
