// SPDX-License-Identifier: Apache-2.0
// LogQL text -> syntax tree. Recursive descent; every regular expression in the text is compiled
// once here so that a bad one is reported with its place.
// Threads: pure functions.   Errors: kInvalidArgument (kTooLarge for the limits) with line, column,
// caret and hint.   Limits: kQueryBytesMax, kDepthMax nested expressions, kStagesMax stages,
// kOperationsMax binary operations and label tests.
#pragma once

#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/logql/ast.hpp"

namespace seyir::logql {

inline constexpr int kDepthMax = 100;
inline constexpr size_t kStagesMax = 200;
inline constexpr int kOperationsMax = 500;

/// A whole query, log or metric. Selectors must name at least one label with a value that is not
/// empty, as Loki demands.
Result<Expr> parse(std::string_view text);

/// What routes and conditions take: an optional selector (default {}) and stages; no metrics.
Result<LogExpr> parse_condition(std::string_view text);

/// A selector alone, as in `match[]` of the series call; {} is allowed.
Result<std::vector<Matcher>> parse_selector(std::string_view text);

}  // namespace seyir::logql
