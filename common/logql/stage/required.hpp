// SPDX-License-Identifier: Apache-2.0
// What every row that passes the stages holds, so that blocks without it need not be read: texts of
// line filters before the line changes, values of label filters that come from the row as it is
// stored (its stream, its attributes, JSON and logfmt fields, captures).
// Threads: pure functions.   Soundness: stages that make text of their own end it.
#pragma once

#include <vector>

#include "common/base/needle.hpp"
#include "common/logql/ast.hpp"

namespace seyir::logql {

/// Requires: the stages compile.
Needle required_of(const std::vector<Stage>& stages);

}  // namespace seyir::logql
