// SPDX-License-Identifier: Apache-2.0
// A syntax tree as LogQL again: on one line, or laid out for people as Loki's formatter does. What
// is printed parses to the same tree; a binary operation gets parentheses where it needs them.
// Threads: pure functions.   Spec: Loki's format_query.
#pragma once

#include <cstddef>
#include <string>

#include "common/logql/ast.hpp"

namespace seyir::logql {

inline constexpr size_t kPrettyLineBytesMax = 100;

/// On one line.
std::string to_text(const Expr& expr);

/// Parts longer than `line_bytes_max` are spread over lines, two spaces a level.
std::string pretty(const Expr& expr, size_t line_bytes_max = kPrettyLineBytesMax);

}  // namespace seyir::logql
