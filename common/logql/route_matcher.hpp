// SPDX-License-Identifier: Apache-2.0
// RouteMatcher: what `match:` and `if:` select of a batch. The selector is evaluated once for each
// stream of the batch, then the stages for each row; a row with __error__ does not match.
// Room: BatchView -> Selection.
// Threads: match() is thread-safe; each call has its own scratch memory.
// Errors: compile() gives position, caret and hint.   Why: DESIGN section 4.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/logql/matcher.hpp"
#include "common/logql/stage/pipeline.hpp"
#include "common/record/batch.hpp"

namespace seyir::logql {

class RouteMatcher {
  public:
    /// An optional selector (default {}) and stages that only select: filters, parsers, drop, keep.
    static Result<RouteMatcher> compile(std::string_view text);

    /// Selected rows of the view, ascending. `rows_with_error`, when given, counts rows that would
    /// have passed but for an error of evaluation.
    Selection match(const BatchView& view, uint64_t* rows_with_error = nullptr) const;

    /// Matches every row of every batch.
    bool matches_all() const { return streams_.matches_all() && pipeline_.empty(); }

  private:
    StreamMatcher streams_;
    Pipeline pipeline_;
};

}  // namespace seyir::logql
