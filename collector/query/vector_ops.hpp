// SPDX-License-Identifier: Apache-2.0
// Vector aggregations (sum by, topk, ...), label_replace and binary operations, step by step.
// Threads: pure functions.
// Errors: kInvalidArgument where series do not match one to one; kTooLarge where a result does not
// fit beside what the query holds already; those of QueryContext::check.
// Spec: Grafana's LogQL reference; matching of vectors as in PromQL; x/0 and x%0 are NaN (Loki).
#pragma once

#include "collector/query/limits.hpp"
#include "collector/query/series.hpp"
#include "common/base/result.hpp"
#include "common/logql/ast.hpp"

namespace seyir::query {

Result<Matrix> aggregate(Matrix input, const logql::VectorAggregation& node, QueryContext& context);

Result<Matrix> replace_labels(Matrix input, const logql::LabelReplace& node, QueryContext& context);

double apply(logql::BinaryOp op, double left, double right);

bool is_comparison(logql::BinaryOp op);

/// One side is a number. Comparisons keep the vector's samples where they hold.
Matrix combine_with_number(
    Matrix vector, double number, bool number_is_left, const logql::BinaryExpr& node
);

Result<Matrix> combine(
    Matrix left, Matrix right, const logql::BinaryExpr& node, QueryContext& context
);

}  // namespace seyir::query
