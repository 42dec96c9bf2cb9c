// SPDX-License-Identifier: Apache-2.0
// Series on a grid of steps: what metric queries compute with.
// Threads: plain values.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace seyir::query {

/// Sorted by name.
using LabelSet = std::vector<std::pair<std::string, std::string>>;

/// T(k) = start + k * step, k < points. An instant query has one point.
struct Grid {
    int64_t start_ns = 0;
    int64_t step_ns = 1;
    size_t points = 1;

    /// Grids may be longer than int64 can tell; each of their times fits.
    int64_t at(size_t k) const {
        return static_cast<int64_t>(
            static_cast<uint64_t>(start_ns) + uint64_t{k} * static_cast<uint64_t>(step_ns)
        );
    }
};

/// "No sample here": a NaN no arithmetic makes (Prometheus' stale marker).
inline const double kAbsent = std::bit_cast<double>(uint64_t{0x7ff0000000000002});

inline bool is_absent(double value) {
    return std::bit_cast<uint64_t>(value) == 0x7ff0000000000002;
}

struct Series {
    LabelSet labels;
    std::vector<double> values;  ///< one per step, kAbsent where there is none
};

struct Matrix {
    std::vector<Series> series;
    bool ordered = false;  ///< by sort() or topk(): keep the order in instant answers
};

/// What a series takes of the memory of a query, in samples of kSampleBytes.
inline constexpr size_t kSampleBytes = 16;
size_t samples_of(const LabelSet& labels, size_t points);
size_t samples_of(const Matrix& matrix);

/// The set as bytes, for hash tables.
std::string label_key(const LabelSet& labels);

/// "" when absent.
std::string_view label_value(const LabelSet& labels, std::string_view name);

/// Removes series without any sample.
void drop_empty(Matrix& matrix);

/// `{a="1", b="2"}`
std::string to_text(const LabelSet& labels);

}  // namespace seyir::query
