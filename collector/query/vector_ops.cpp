// SPDX-License-Identifier: Apache-2.0
#include "collector/query/vector_ops.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "common/logql/text/regex.hpp"

namespace seyir::query {
namespace {

using logql::VectorOp;

LabelSet group_labels(const LabelSet& labels, const std::optional<logql::Grouping>& grouping) {
    LabelSet group;
    for (const auto& pair : labels) {
        const bool named =
            grouping && std::ranges::find(grouping->labels, pair.first) != grouping->labels.end();
        if (grouping && named != grouping->without) {
            group.push_back(pair);
        }
    }
    return group;
}

size_t points_of(const Matrix& matrix) {
    return matrix.series.empty() ? 0 : matrix.series.front().values.size();
}

/// Running sums of one group: enough for every aggregation that looks at a sample once.
/// Method: Welford's algorithm for mean and variance.
struct Running {
    double count = 0, sum = 0, mean = 0, squares = 0;
    double low = std::numeric_limits<double>::infinity();
    double high = -std::numeric_limits<double>::infinity();
    bool has_nan = false;

    void add(double value) {
        ++count;
        sum += value;
        const double delta = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
        // min and max prefer numbers over NaN, as PromQL does.
        has_nan = has_nan || std::isnan(value);
        low = value < low ? value : low;
        high = value > high ? value : high;
    }

    double result(VectorOp op) const {
        const bool only_nan = has_nan && low > high;
        switch (op) {
            case VectorOp::kSum:
                return sum;
            case VectorOp::kAvg:
                return sum / count;
            case VectorOp::kCount:
                return count;
            case VectorOp::kMin:
                return only_nan ? std::nan("") : low;
            case VectorOp::kMax:
                return only_nan ? std::nan("") : high;
            case VectorOp::kStdvar:
                return squares / count;
            default:
                return std::sqrt(squares / count);
        }
    }
};

Result<Matrix> aggregate_groups(
    const Matrix& input, const logql::VectorAggregation& node, QueryContext& context
) {
    struct Group {
        LabelSet labels;
        std::vector<const Series*> members;
    };

    std::unordered_map<std::string, size_t> index;
    std::vector<Group> groups;
    const size_t points = points_of(input);
    for (const Series& series : input.series) {
        LabelSet labels = group_labels(series.labels, node.grouping);
        const auto [at, is_new] = index.try_emplace(label_key(labels), groups.size());
        if (is_new) {
            groups.push_back({std::move(labels), {}});
        }
        groups[at->second].members.push_back(&series);
    }
    // One group at a time: sums in progress are several times as large as their results.
    Matrix output;
    std::vector<Running> running;
    for (Group& group : groups) {
        SEYIR_CHECK(context.check());
        SEYIR_CHECK(context.hold(samples_of(group.labels, points)));
        running.assign(points, {});
        for (const Series* series : group.members) {
            for (size_t k = 0; k < points; ++k) {
                if (!is_absent(series->values[k])) {
                    running[k].add(series->values[k]);
                }
            }
        }
        Series series{std::move(group.labels), std::vector<double>(points, kAbsent)};
        for (size_t k = 0; k < points; ++k) {
            if (running[k].count > 0) {
                series.values[k] = running[k].result(node.op);
            }
        }
        output.series.push_back(std::move(series));
    }
    return output;
}

/// True when `a` ranks before `b`: NaN last, then by value, then by labels.
bool ranks_before(const Series& a, const Series& b, size_t k, bool largest) {
    const double x = a.values[k];
    const double y = b.values[k];
    if (std::isnan(x) != std::isnan(y)) {
        return std::isnan(y);
    }
    if (x != y && !std::isnan(x)) {
        return largest ? x > y : x < y;
    }
    return a.labels < b.labels;
}

void order_by_last(Matrix& matrix, bool descending) {
    const size_t points = points_of(matrix);
    if (points == 1) {
        std::ranges::sort(matrix.series, [&](const Series& a, const Series& b) {
            return ranks_before(a, b, 0, descending);
        });
        matrix.ordered = true;
    }
}

Result<Matrix> rank(Matrix input, const logql::VectorAggregation& node, QueryContext& context) {
    const bool largest = node.op != VectorOp::kBottomk;
    const auto wanted = static_cast<size_t>(node.parameter.value_or(1));
    const size_t points = points_of(input);
    std::unordered_map<std::string, std::vector<size_t>> groups;
    for (size_t i = 0; i < input.series.size(); ++i) {
        groups[label_key(group_labels(input.series[i].labels, node.grouping))].push_back(i);
    }
    std::vector<std::vector<bool>> is_kept(input.series.size(), std::vector<bool>(points));
    std::vector<size_t> present;
    for (const auto& [key, members] : groups) {
        for (size_t k = 0; k < points; ++k) {
            SEYIR_CHECK(context.check());
            present.clear();
            std::ranges::copy_if(members, std::back_inserter(present), [&](size_t i) {
                return !is_absent(input.series[i].values[k]);
            });
            const size_t taken = std::min(wanted, present.size());
            const auto middle = present.begin() + static_cast<std::ptrdiff_t>(taken);
            std::ranges::partial_sort(present, middle, [&](size_t a, size_t b) {
                return ranks_before(input.series[a], input.series[b], k, largest);
            });
            for (size_t n = 0; n < taken; ++n) {
                is_kept[present[n]][k] = true;
            }
        }
    }
    for (size_t i = 0; i < input.series.size(); ++i) {
        for (size_t k = 0; k < points; ++k) {
            if (!is_kept[i][k]) {
                input.series[i].values[k] = kAbsent;
            }
        }
    }
    drop_empty(input);
    order_by_last(input, largest);
    return input;
}

/// Of a label that label_replace makes: Loki's limit for labels is 2 KiB.
constexpr size_t kReplacedBytesMax = 64 * 1024;

/// What a template could give at most: `$1` may stand in it many times, and calls may nest.
Result<void> check_replacement(const std::string& source, const std::string& replacement) {
    const auto uses = static_cast<size_t>(std::ranges::count(replacement, '$'));
    if (replacement.size() + uses * source.size() > kReplacedBytesMax) {
        return fail(
            ErrorCode::kTooLarge,
            "label_replace could make a label of more than 64 KiB; use a shorter replacement"
        );
    }
    return {};
}

}  // namespace

Result<Matrix> aggregate(
    Matrix input, const logql::VectorAggregation& node, QueryContext& context
) {
    switch (node.op) {
        case VectorOp::kTopk:
        case VectorOp::kApproxTopk:
        case VectorOp::kBottomk:
            return rank(std::move(input), node, context);
        case VectorOp::kSort:
        case VectorOp::kSortDesc:
            order_by_last(input, node.op == VectorOp::kSortDesc);
            return input;
        default:
            return aggregate_groups(input, node, context);
    }
}

Result<Matrix> replace_labels(
    Matrix input, const logql::LabelReplace& node, QueryContext& context
) {
    SEYIR_TRY(const auto regex, logql::Regex::compile(node.regex, true));
    std::vector<std::string_view> groups;
    for (Series& series : input.series) {
        const std::string source(label_value(series.labels, node.source));
        if (!regex.captures(source, groups)) {
            continue;
        }
        SEYIR_CHECK(context.check());
        SEYIR_CHECK(check_replacement(source, node.replacement));
        const std::string value =
            logql::expand_template(node.replacement, groups, regex.group_names());
        std::erase_if(series.labels, [&](const auto& label) {
            return label.first == node.destination;
        });
        SEYIR_CHECK(context.hold(value.size() / kSampleBytes));
        if (!value.empty()) {
            series.labels.emplace_back(node.destination, value);
            std::ranges::sort(series.labels);
        }
    }
    std::unordered_map<std::string, bool> seen;
    for (const Series& series : input.series) {
        if (!seen.try_emplace(label_key(series.labels)).second) {
            return fail(
                ErrorCode::kInvalidArgument,
                "label_replace makes two series with the same labels " + to_text(series.labels)
            );
        }
    }
    return input;
}

}  // namespace seyir::query
