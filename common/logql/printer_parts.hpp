// SPDX-License-Identifier: Apache-2.0
// What a printed query is made of: stages, groupings, durations, quoted texts. Private to
// printer.cpp.
#pragma once

#include <string>
#include <string_view>

#include "common/logql/ast.hpp"

namespace seyir::logql::detail {

/// As Go's strconv.Quote.
std::string quoted(std::string_view text);
/// 1h30m, 5m, 90d: as ranges and offsets are written.
std::string range_text(int64_t ns);
std::string number_text(double value);

/// `{a="b", c=~"d"}`
std::string selector_text(const std::vector<Matcher>& matchers);
/// With its leading `|`, `|=` or other sign.
std::string stage_text(const Stage& stage);
/// `| unwrap duration(x)`, without the filters behind it.
std::string unwrap_text(const Unwrap& unwrap);
std::string grouping_text(const Grouping& grouping, std::string_view separator);
/// `* on (a) group_left (b)`
std::string operator_text(const BinaryExpr& node, std::string_view separator);

std::string_view name_of(RangeOp op);
std::string_view name_of(VectorOp op);
/// How tightly it binds: 1 for `or` to 6 for `^`.
int precedence_of(BinaryOp op);

}  // namespace seyir::logql::detail
