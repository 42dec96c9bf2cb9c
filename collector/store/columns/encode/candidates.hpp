// SPDX-License-Identifier: Apache-2.0
// Which encodings may suit a column, judged by its values.
// Threads: pure functions.
#pragma once

#include <vector>

#include "collector/store/columns/encode/value_encoder.hpp"

namespace seyir::store::columns {

/// Always has kPlain, as its first.
std::vector<ColumnPlan> candidates(Values values, const EncodeContext& context);

}  // namespace seyir::store::columns
