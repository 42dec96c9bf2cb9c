// SPDX-License-Identifier: Apache-2.0
// Diagnostics of LogQL text: `line L, col C` counted in characters, the line itself and a caret.
// Threads: pure functions.   Errors: this is where kInvalidArgument of LogQL is made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace seyir::logql {

/// Byte offset into the query text.
using Offset = uint32_t;

struct LineColumn {
    uint32_t line = 1;
    uint32_t column = 1;  ///< characters (UTF-8 code points), not bytes
};

LineColumn line_column(std::string_view text, Offset at);

/// `parse error at line 1, col 8: <what>`, the line, a caret under `at`, and the hint if any.
Error parse_error(
    std::string_view text, Offset at, std::string_view what, std::string_view hint = ""
);

/// The same for what is LogQL but not offered here yet (kUnsupported).
Error unsupported_error(std::string_view text, Offset at, std::string_view what);

}  // namespace seyir::logql
