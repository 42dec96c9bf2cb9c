// SPDX-License-Identifier: Apache-2.0
// ValueEncoder: the values of one column as bytes, in the encoding its plan names or, when there
// is none or it fits no longer, in the smallest of all that fit.
// Threads: one at a time.   Format: docs/format/columns.md, "columns".
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/store/columns/encode/distinct_values.hpp"
#include "collector/store/columns/encode/plan.hpp"

namespace seyir::store::columns {

using Values = std::span<const std::string_view>;

/// A column of the table around, whose value i stands in the same row as ours.
struct KnownColumn {
    uint32_t column = 0;  ///< as the plan names it
    uint32_t number = 0;  ///< as the block names it
    Values values;
};

struct EncodeContext {
    std::span<const int64_t> times;  ///< of the values; empty: not known
    std::span<const KnownColumn> known;
    int depth = 0;
    bool may_have_dict = true;
};

class ValueEncoder {
  public:
    /// Requires: values is not empty.
    void encode(Values values, const EncodeContext& context, ColumnPlan& plan, std::string& out);

    /// Where the pieces of what is encoded go; none while ways are tried.
    PieceSink* pieces = nullptr;
    Packer packer;

  private:
    friend class TableEncoder;

    bool by_plan(Values values, const EncodeContext& context, ColumnPlan& plan, std::string& out);
    bool scalar(Values values, const EncodeContext& context, ColumnPlan& plan, std::string& out);
    bool bytes(Values values, ColumnPlan& plan, std::string& out);
    bool affix(Values values, const EncodeContext& context, ColumnPlan& plan, std::string& out);
    bool dict(Values values, const EncodeContext& context, ColumnPlan& plan, std::string& out);
    void plain(Values values, std::string& out);
    void decide(Values values, const EncodeContext& context, ColumnPlan& plan);
    void emit(Values values) const;
};

}  // namespace seyir::store::columns
