// SPDX-License-Identifier: Apache-2.0
// Columns out of their bytes.
// Room: bytes -> Column -> text of value i.
// Threads: one at a time.   Errors: a failed reader; bytes are never trusted.
// Limits: DecodeBudget; columns within columns go to a fixed depth.
// Format: docs/format/columns.md
#pragma once

#include <optional>
#include <string_view>

#include "collector/store/columns/decode/column.hpp"
#include "collector/store/columns/encode/plan.hpp"
#include "common/codec/bytes.hpp"

namespace seyir::store::columns {

struct DecodeContext {
    const TimesSource* times = nullptr;
    const ColumnSource* around = nullptr;
    DecodeBudget* budget = nullptr;
    Unpacker* unpacker = nullptr;
    int depth = 0;
};

/// The form of all values, when the column's bytes say that at their beginning.
std::optional<ScalarForm> form_of_column(std::string_view bytes);

/// A column of `count` values.
ColumnPtr read_column(codec::Reader& reader, size_t count, const DecodeContext& context);

}  // namespace seyir::store::columns
