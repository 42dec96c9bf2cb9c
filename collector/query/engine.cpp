// SPDX-License-Identifier: Apache-2.0
#include "collector/query/engine.hpp"

#include <algorithm>
#include <variant>

#include "collector/query/plan.hpp"
#include "collector/query/range_exec.hpp"
#include "collector/query/vector_ops.hpp"

namespace seyir::query {
namespace {

class Evaluator {
  public:
    Evaluator(
        store::LogStore& store,
        std::string_view text,
        TenantId tenant,
        const Grid& grid,
        QueryContext& context
    )
        : store_(store), text_(text), tenant_(tenant), grid_(grid), context_(context) {}

    Result<MetricResult> eval(const logql::Expr& expr) {
        SEYIR_CHECK(context_.check());
        const size_t held_before = context_.held();
        SEYIR_TRY(
            MetricResult result,
            std::visit([&](const auto& node) { return eval_node(node, expr.at); }, expr.node)
        );
        // Operands and what an operation needed are gone by now.
        const auto* matrix = std::get_if<Matrix>(&result);
        context_.hold_only(held_before);
        if (matrix != nullptr) {
            SEYIR_CHECK(context_.check_series(matrix->series.size()));
            SEYIR_CHECK(context_.hold(samples_of(*matrix)));
        }
        return result;
    }

  private:
    Result<MetricResult> eval_node(const logql::LogExpr&, logql::Offset at) {
        return logql::parse_error(text_, at, "log expression where a metric is needed");
    }

    Result<MetricResult> eval_node(const logql::NumberLiteral& node, logql::Offset) {
        return MetricResult(Scalar{node.value});
    }

    Result<MetricResult> eval_node(const logql::VectorLiteral& node, logql::Offset) {
        return MetricResult(constant(node.value));
    }

    Result<MetricResult> eval_node(const logql::RangeAggregation& node, logql::Offset) {
        return scan(node, std::nullopt);
    }

    Result<MetricResult> eval_node(const logql::VectorAggregation& node, logql::Offset at) {
        const auto* range = std::get_if<logql::RangeAggregation>(&node.operand->node);
        if (node.op == logql::VectorOp::kSum && range != nullptr && is_additive(range->op)) {
            return scan(*range, node.grouping.value_or(logql::Grouping{}));
        }
        if (node.op == logql::VectorOp::kApproxTopk && grid_.points > 1) {
            return logql::parse_error(
                text_, at, "approx_topk is only supported on instant queries", "topk works on both"
            );
        }
        SEYIR_TRY(Matrix operand, eval_matrix(*node.operand));
        SEYIR_TRY(Matrix result, aggregate(std::move(operand), node, context_));
        return MetricResult(std::move(result));
    }

    Result<MetricResult> eval_node(const logql::LabelReplace& node, logql::Offset) {
        SEYIR_TRY(Matrix operand, eval_matrix(*node.operand));
        SEYIR_TRY(Matrix result, replace_labels(std::move(operand), node, context_));
        return MetricResult(std::move(result));
    }

    Result<MetricResult> eval_node(const logql::BinaryExpr& node, logql::Offset) {
        SEYIR_TRY(MetricResult left, eval(*node.left));
        SEYIR_TRY(MetricResult right, eval(*node.right));
        const auto* left_number = std::get_if<Scalar>(&left);
        const auto* right_number = std::get_if<Scalar>(&right);
        if (left_number != nullptr && right_number != nullptr) {
            return MetricResult(Scalar{apply(node.op, left_number->value, right_number->value)});
        }
        if (left_number != nullptr) {
            return MetricResult(combine_with_number(
                std::move(std::get<Matrix>(right)), left_number->value, true, node
            ));
        }
        if (right_number != nullptr) {
            return MetricResult(combine_with_number(
                std::move(std::get<Matrix>(left)), right_number->value, false, node
            ));
        }
        SEYIR_TRY(
            Matrix result,
            combine(
                std::move(std::get<Matrix>(left)),
                std::move(std::get<Matrix>(right)),
                node,
                context_
            )
        );
        return MetricResult(std::move(result));
    }

    Result<MetricResult> scan(
        const logql::RangeAggregation& node, std::optional<logql::Grouping> sum_into
    ) {
        const RangeRequest request{tenant_, text_, grid_, std::move(sum_into)};
        SEYIR_TRY(Matrix matrix, run_range_aggregation(store_, node, request, context_));
        return MetricResult(std::move(matrix));
    }

    Result<Matrix> eval_matrix(const logql::Expr& expr) {
        SEYIR_TRY(MetricResult result, eval(expr));
        if (const auto* number = std::get_if<Scalar>(&result)) {
            return constant(number->value);
        }
        return std::move(std::get<Matrix>(result));
    }

    Matrix constant(double value) const {
        Matrix matrix;
        matrix.series.push_back({{}, std::vector<double>(grid_.points, value)});
        return matrix;
    }

    store::LogStore& store_;
    std::string_view text_;
    TenantId tenant_;
    Grid grid_;
    QueryContext& context_;
};

Result<void> explain_into(
    std::string& out,
    std::string_view text,
    const logql::Expr& expr,
    TimeRange range,
    const Grid& grid
) {
    const auto child = [&](const logql::ExprPtr& inner) {
        return explain_into(out, text, *inner, range, grid);
    };
    if (const auto* log = std::get_if<logql::LogExpr>(&expr.node)) {
        SEYIR_TRY(const auto plan, LogPlan::make(text, *log));
        out += plan.explain(range);
    } else if (const auto* scan = std::get_if<logql::RangeAggregation>(&expr.node)) {
        SEYIR_TRY(const auto plan, LogPlan::make(text, scan->log));
        out += plan.explain(scanned_range(*scan, grid));
    } else if (const auto* aggregation = std::get_if<logql::VectorAggregation>(&expr.node)) {
        return child(aggregation->operand);
    } else if (const auto* replace = std::get_if<logql::LabelReplace>(&expr.node)) {
        return child(replace->operand);
    } else if (const auto* binary = std::get_if<logql::BinaryExpr>(&expr.node)) {
        SEYIR_CHECK(child(binary->left));
        return child(binary->right);
    }
    return {};
}

}  // namespace

Result<MetricResult> run_metric_query(
    store::LogStore& store,
    std::string_view text,
    const logql::Expr& expr,
    TenantId tenant,
    const Grid& grid,
    QueryContext& context
) {
    SEYIR_TRY(MetricResult result, Evaluator(store, text, tenant, grid, context).eval(expr));
    if (auto* matrix = std::get_if<Matrix>(&result); matrix != nullptr && !matrix->ordered) {
        std::ranges::sort(matrix->series, {}, &Series::labels);
    }
    return result;
}

bool reads_records(const logql::Expr& expr) {
    if (const auto* aggregation = std::get_if<logql::VectorAggregation>(&expr.node)) {
        return reads_records(*aggregation->operand);
    }
    if (const auto* replace = std::get_if<logql::LabelReplace>(&expr.node)) {
        return reads_records(*replace->operand);
    }
    if (const auto* binary = std::get_if<logql::BinaryExpr>(&expr.node)) {
        return reads_records(*binary->left) || reads_records(*binary->right);
    }
    return !expr.is_number() && !std::holds_alternative<logql::VectorLiteral>(expr.node);
}

Result<std::string> explain(
    std::string_view text, const logql::Expr& expr, TimeRange range, const Grid& grid
) {
    std::string out;
    SEYIR_CHECK(explain_into(out, text, expr, range, grid));
    return out.empty() ? "reads no records\n" : out;
}

}  // namespace seyir::query
