// SPDX-License-Identifier: Apache-2.0
// Pages of a filter's table: rows and the checksum behind them, which also says whose rows they
// are. Threads: pure functions.   Errors: kCorrupt.   Format: docs/format/segment.md ("Filter").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.hpp"

namespace seyir::store::gram {

std::string seal_page(std::string rows, uint32_t group, uint32_t page);
/// The rows; `rows_bytes` is what they must take.
Result<std::string_view> open_page(
    std::string_view bytes, size_t rows_bytes, uint32_t group, uint32_t page
);

}  // namespace seyir::store::gram
