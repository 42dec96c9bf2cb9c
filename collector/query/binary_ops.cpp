// SPDX-License-Identifier: Apache-2.0
// Binary operations: arithmetic, comparisons and sets, with PromQL's matching of series.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include "collector/query/vector_ops.hpp"

namespace seyir::query {
namespace {

using logql::BinaryOp;
using logql::MatchCardinality;

bool is_set_op(BinaryOp op) {
    return op == BinaryOp::kOr || op == BinaryOp::kAnd || op == BinaryOp::kUnless;
}

bool is_matched_label(const logql::VectorMatching& matching, std::string_view name) {
    const bool named = std::ranges::find(matching.labels, name) != matching.labels.end();
    return named == matching.on;
}

/// The labels series are matched on, as a key.
std::string match_key(const LabelSet& labels, const logql::VectorMatching& matching) {
    LabelSet matched;
    std::ranges::copy_if(labels, std::back_inserter(matched), [&](const auto& label) {
        return is_matched_label(matching, label.first);
    });
    return label_key(matched);
}

/// Nothing where a filtering comparison does not hold.
double sample(const logql::BinaryExpr& node, double left, double right, double kept) {
    if (is_absent(left) || is_absent(right)) {
        return kAbsent;
    }
    const double result = apply(node.op, left, right);
    if (!is_comparison(node.op) || node.return_bool) {
        return result;
    }
    return result != 0 ? kept : kAbsent;
}

Result<Matrix> set_operation(
    Matrix left, Matrix right, const logql::BinaryExpr& node, QueryContext& context
) {
    using Present = std::unordered_map<std::string, std::vector<bool>>;
    const auto presence = [&](const Matrix& matrix) {
        Present present;
        for (const Series& series : matrix.series) {
            auto& steps = present[match_key(series.labels, node.matching)];
            steps.resize(series.values.size());
            for (size_t k = 0; k < series.values.size(); ++k) {
                steps[k] = steps[k] || !is_absent(series.values[k]);
            }
        }
        return present;
    };
    const auto keep_where = [&](Matrix& matrix, const Present& other, bool wanted) {
        for (Series& series : matrix.series) {
            const auto at = other.find(match_key(series.labels, node.matching));
            for (size_t k = 0; k < series.values.size(); ++k) {
                const bool present = at != other.end() && at->second[k];
                series.values[k] = present == wanted ? series.values[k] : kAbsent;
            }
        }
        drop_empty(matrix);
    };
    if (node.op != BinaryOp::kOr) {
        keep_where(left, presence(right), node.op == BinaryOp::kAnd);
        return left;
    }
    keep_where(right, presence(left), false);
    SEYIR_CHECK(context.check());
    // A series may be present on both sides at different steps: one series then.
    std::unordered_map<std::string, size_t> index;
    for (size_t i = 0; i < left.series.size(); ++i) {
        index.emplace(label_key(left.series[i].labels), i);
    }
    for (Series& series : right.series) {
        const auto at = index.find(label_key(series.labels));
        if (at == index.end()) {
            SEYIR_CHECK(context.check_series(left.series.size() + 1));
            left.series.push_back(std::move(series));
            continue;
        }
        std::vector<double>& values = left.series[at->second].values;
        for (size_t k = 0; k < values.size(); ++k) {
            values[k] = is_absent(values[k]) ? series.values[k] : values[k];
        }
    }
    return left;
}

LabelSet result_labels(
    const LabelSet& many, const LabelSet& one, const logql::VectorMatching& matching
) {
    LabelSet labels;
    if (matching.cardinality == MatchCardinality::kOneToOne) {
        std::ranges::copy_if(many, std::back_inserter(labels), [&](const auto& label) {
            return is_matched_label(matching, label.first);
        });
        return labels;
    }
    labels = many;
    for (const std::string& name : matching.include) {
        std::erase_if(labels, [&](const auto& label) { return label.first == name; });
        if (const std::string_view value = label_value(one, name); !value.empty()) {
            labels.emplace_back(name, value);
        }
    }
    std::ranges::sort(labels);
    return labels;
}

Error ambiguous(std::string_view side, const LabelSet& labels) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "found duplicate series on the {} hand-side: {}; many-to-many matching not allowed: "
            "matching labels must be unique on one side",
            side,
            to_text(labels)
        )
    );
}

Error several_matches(const logql::VectorMatching& matching, const LabelSet& labels) {
    const bool one_to_one = matching.cardinality == MatchCardinality::kOneToOne;
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "multiple matches for labels: {}: {}",
            one_to_one ? "many-to-one matching must be explicit (group_left/group_right)"
                       : "grouping labels must ensure unique matches",
            to_text(labels)
        )
    );
}

/// No step may have two samples of the "one" side with the same key, matched or not.
Result<void> check_unique(
    const std::unordered_map<std::string, std::vector<size_t>>& ones,
    const Matrix& one,
    std::string_view side
) {
    for (const auto& [key, candidates] : ones) {
        for (size_t k = 0; candidates.size() > 1 && k < one.series.front().values.size(); ++k) {
            bool found = false;
            for (const size_t i : candidates) {
                const bool present = !is_absent(one.series[i].values[k]);
                if (present && found) {
                    return ambiguous(side, one.series[i].labels);
                }
                found = found || present;
            }
        }
    }
    return {};
}

}  // namespace

bool is_comparison(BinaryOp op) {
    return op >= BinaryOp::kEqual;
}

double apply(BinaryOp op, double left, double right) {
    switch (op) {
        case BinaryOp::kAdd:
            return left + right;
        case BinaryOp::kSub:
            return left - right;
        case BinaryOp::kMul:
            return left * right;
        case BinaryOp::kDiv:
            return right == 0 ? std::nan("") : left / right;
        case BinaryOp::kMod:
            return right == 0 ? std::nan("") : std::fmod(left, right);
        case BinaryOp::kPow:
            return std::pow(left, right);
        case BinaryOp::kEqual:
            return left == right ? 1 : 0;
        case BinaryOp::kNotEqual:
            return left != right ? 1 : 0;
        case BinaryOp::kGreater:
            return left > right ? 1 : 0;
        case BinaryOp::kGreaterEqual:
            return left >= right ? 1 : 0;
        case BinaryOp::kLess:
            return left < right ? 1 : 0;
        case BinaryOp::kLessEqual:
            return left <= right ? 1 : 0;
        default:
            return kAbsent;  // set operations have no number
    }
}

Matrix combine_with_number(
    Matrix vector, double number, bool number_is_left, const logql::BinaryExpr& node
) {
    for (Series& series : vector.series) {
        for (double& value : series.values) {
            value = number_is_left ? sample(node, number, value, value)
                                   : sample(node, value, number, value);
        }
    }
    drop_empty(vector);
    return vector;
}

Result<Matrix> combine(
    Matrix left, Matrix right, const logql::BinaryExpr& node, QueryContext& context
) {
    if (is_set_op(node.op)) {
        return set_operation(std::move(left), std::move(right), node, context);
    }
    const bool one_is_left = node.matching.cardinality == MatchCardinality::kOneToMany;
    const Matrix& many = one_is_left ? right : left;
    const Matrix& one = one_is_left ? left : right;
    // Series of the "one" side may share a key as long as no step has two of them.
    std::unordered_map<std::string, std::vector<size_t>> ones;
    for (size_t i = 0; i < one.series.size(); ++i) {
        ones[match_key(one.series[i].labels, node.matching)].push_back(i);
    }
    SEYIR_CHECK(check_unique(ones, one, one_is_left ? "left" : "right"));
    Matrix output;
    std::unordered_map<std::string, size_t> index;
    for (const Series& series : many.series) {
        SEYIR_CHECK(context.check());
        const auto candidates = ones.find(match_key(series.labels, node.matching));
        if (candidates == ones.end()) {
            continue;
        }
        for (size_t k = 0; k < series.values.size(); ++k) {
            const Series* partner = nullptr;
            for (const size_t i : candidates->second) {
                if (!is_absent(one.series[i].values[k])) {
                    partner = &one.series[i];
                }
            }
            if (partner == nullptr || is_absent(series.values[k])) {
                continue;
            }
            LabelSet labels = result_labels(series.labels, partner->labels, node.matching);
            const auto [at, is_new] = index.try_emplace(label_key(labels), output.series.size());
            if (is_new) {
                SEYIR_CHECK(context.hold(samples_of(labels, series.values.size())));
                output.series.push_back(
                    {std::move(labels), std::vector<double>(series.values.size(), kAbsent)}
                );
            }
            double& cell = output.series[at->second].values[k];
            const double x = one_is_left ? partner->values[k] : series.values[k];
            const double y = one_is_left ? series.values[k] : partner->values[k];
            const double result = sample(node, x, y, x);
            if (!is_absent(cell) && !is_absent(result)) {
                return several_matches(node.matching, series.labels);
            }
            cell = is_absent(result) ? cell : result;
        }
    }
    drop_empty(output);
    return output;
}

}  // namespace seyir::query
