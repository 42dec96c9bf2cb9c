// SPDX-License-Identifier: Apache-2.0
// Plans: how the values of a column were coded last, so that the next block need not try all ways
// again. A plan only says what to try first: whatever it holds, what is written decodes.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collector/store/columns/slot/int_stream.hpp"
#include "collector/store/columns/slot/scalar_text.hpp"
#include "collector/store/columns/text/shape.hpp"

namespace seyir::store::columns {

/// On disk: never renumber.
enum class Encoding : uint8_t {
    kPlain = 0,
    kConst = 1,
    kDict = 2,
    kScalar = 3,
    kBytes = 4,  ///< scalar forms that are bytes
    kAffix = 5,
    kTable = 6,
};

struct TablePlan;

struct ColumnPlan {
    ColumnPlan();
    ColumnPlan(ColumnPlan&&) noexcept;
    ColumnPlan& operator=(ColumnPlan&&) noexcept;
    ~ColumnPlan();

    bool is_decided = false;
    Encoding encoding = Encoding::kPlain;
    ScalarForm form;
    std::optional<IntTransform> transform;
    double bytes_per_value = 0;
    std::string prefix;  ///< kAffix
    std::string suffix;
    std::unique_ptr<ColumnPlan> inner;  ///< kAffix: what is between; kDict: the distinct values
    std::unique_ptr<TablePlan> table;   ///< kTable
};

struct TablePlan {
    Mode mode = Mode::kWords;  ///< of nested tables; lines have one a stream
    ShapeSet shapes;
    std::vector<ColumnPlan> columns;  ///< by column of `shapes`
    /// Columns of the table around whose texts are looked for, the longest first.
    std::vector<uint32_t> known;
    std::optional<IntTransform> shape_transform;
};

/// On disk, first byte of an encoding: exceptions follow.
inline constexpr uint8_t kHasExceptions = 0x80;
/// On disk, how texts of a table's head are told apart.
inline constexpr char kWithEnds = 0;
inline constexpr char kWithSizes = 1;
/// Tables within tables, and what else nests.
inline constexpr int kDepthMax = 8;

}  // namespace seyir::store::columns
