// SPDX-License-Identifier: Apache-2.0
// A query laid out as Loki's formatter does (printer.hpp). Comments are left out. Formatting what
// was formatted changes nothing. Threads: pure function.   Errors: those of parse().
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.hpp"

namespace seyir::logql {

Result<std::string> format_query(std::string_view text);

}  // namespace seyir::logql
