// SPDX-License-Identifier: Apache-2.0
#include "collector/query/sample_windows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace seyir::query {
namespace {

using logql::RangeOp;
using Window = std::span<const Sample>;
using Wide = __int128;  // times near the ends of int64 must not overflow

constexpr size_t kSamplesPerCheck = 1'000'000;

double sum_of(Window window) {
    double sum = 0;
    for (const Sample& sample : window) {
        sum += sample.value;
    }
    return sum;
}

/// A running mean, so that large values do not overflow; infinities stay what they are.
double mean_of(Window window) {
    double mean = 0;
    double count = 0;
    for (const Sample& sample : window) {
        ++count;
        const double value = sample.value;
        if (std::isinf(mean)) {
            const bool same = std::isinf(value) && (mean > 0) == (value > 0);
            if (same || std::isfinite(value)) {
                continue;
            }
        }
        mean += value / count - mean / count;
    }
    return mean;
}

/// NaN gives way to any number.
double extreme_of(Window window, bool largest) {
    double best = window.front().value;
    for (const Sample& sample : window) {
        const bool better = largest ? sample.value > best : sample.value < best;
        best = better || std::isnan(best) ? sample.value : best;
    }
    return best;
}

/// Welford's algorithm.
double variance_of(Window window) {
    double mean = 0;
    double squares = 0;
    double count = 0;
    for (const Sample& sample : window) {
        ++count;
        const double delta = sample.value - mean;
        mean += delta / count;
        squares += delta * (sample.value - mean);
    }
    return squares / count;
}

double quantile_of(Window window, double q, std::vector<double>& sorted) {
    if (std::isnan(q)) {
        return q;
    }
    if (q < 0 || q > 1) {
        return q < 0 ? -std::numeric_limits<double>::infinity()
                     : std::numeric_limits<double>::infinity();
    }
    sorted.clear();
    for (const Sample& sample : window) {
        sorted.push_back(sample.value);
    }
    // NaN stands before all numbers.
    std::ranges::sort(sorted, [](double a, double b) {
        return std::isnan(a) ? !std::isnan(b) : a < b;
    });
    const double rank = q * static_cast<double>(sorted.size() - 1);
    const auto lower = static_cast<size_t>(std::floor(rank));
    const size_t upper = std::min(sorted.size() - 1, lower + 1);
    const double weight = rank - std::floor(rank);
    return sorted[lower] * (1 - weight) + sorted[upper] * weight;
}

double seconds(Wide ns) {
    return static_cast<double>(ns) / 1e9;
}

/// The increase seen, stretched to the window's ends: by what is missing there, at most half a
/// usual gap when more than 1.1 of it is missing, and never below the counter's zero.
double counter_rate(Window window, Wide begin, Wide end) {
    if (window.size() < 2) {
        return 0;
    }
    const Sample& first = window.front();
    const Sample& last = window.back();
    double increase = last.value - first.value;
    double before = 0;
    for (const Sample& sample : window) {
        increase += sample.value < before ? before : 0;  // the counter began anew
        before = sample.value;
    }
    const double sampled = seconds(Wide(last.ts_ns) - first.ts_ns);
    const double gap = sampled / static_cast<double>(window.size() - 1);
    double to_begin = seconds(Wide(first.ts_ns) - begin);
    double to_end = seconds(end - last.ts_ns);
    const double threshold = gap * 1.1;
    to_begin = to_begin >= threshold ? gap / 2 : to_begin;
    to_end = to_end >= threshold ? gap / 2 : to_end;
    if (increase > 0 && first.value >= 0) {
        to_begin = std::min(to_begin, sampled * (first.value / increase));
    }
    return increase * ((sampled + to_begin + to_end) / sampled) / seconds(end - begin);
}

double value_of(
    const logql::RangeAggregation& node,
    Window window,
    Wide begin,
    Wide end,
    std::vector<double>& scratch
) {
    switch (node.op) {
        case RangeOp::kRate:
            return sum_of(window) / seconds(node.range_ns);
        case RangeOp::kAvg:
            return mean_of(window);
        case RangeOp::kMin:
        case RangeOp::kMax:
            return extreme_of(window, node.op == RangeOp::kMax);
        case RangeOp::kStddev:
            return std::sqrt(variance_of(window));
        case RangeOp::kStdvar:
            return variance_of(window);
        case RangeOp::kQuantile:
            return quantile_of(window, node.parameter.value_or(0.5), scratch);
        case RangeOp::kFirst:
            return window.front().value;
        case RangeOp::kLast:
            return window.back().value;
        case RangeOp::kRateCounter:
            return counter_rate(window, begin, end);
        default:
            return sum_of(window);
    }
}

}  // namespace

Result<std::vector<double>> aggregate_windows(
    const logql::RangeAggregation& node,
    const Grid& grid,
    std::vector<Sample>& samples,
    QueryContext& context
) {
    const auto by_time = [](const Sample& a, const Sample& b) {
        return a.ts_ns != b.ts_ns ? a.ts_ns < b.ts_ns : a.sequence < b.sequence;
    };
    if (!std::ranges::is_sorted(samples, by_time)) {
        std::ranges::sort(samples, by_time);
    }
    std::vector<double> values(grid.points, kAbsent);
    std::vector<double> sorted;
    size_t from = 0;
    size_t to = 0;
    size_t until_check = kSamplesPerCheck;
    for (size_t k = 0; k < grid.points; ++k) {
        const Wide end = Wide(grid.start_ns) + Wide(k) * grid.step_ns - node.offset_ns;
        const Wide begin = end - node.range_ns;
        while (to < samples.size() && samples[to].ts_ns <= end) {
            ++to;
        }
        while (from < to && samples[from].ts_ns <= begin) {
            ++from;
        }
        const Window window(samples.data() + from, to - from);
        if (window.empty()) {
            continue;
        }
        if (window.size() >= until_check) {
            until_check = kSamplesPerCheck;
            SEYIR_CHECK(context.check());
        } else {
            until_check -= window.size();
        }
        values[k] = value_of(node, window, begin, end, sorted);
    }
    return values;
}

}  // namespace seyir::query
