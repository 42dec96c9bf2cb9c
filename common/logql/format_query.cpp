// SPDX-License-Identifier: Apache-2.0
#include "common/logql/format_query.hpp"

#include "common/logql/parser.hpp"
#include "common/logql/printer.hpp"

namespace seyir::logql {

Result<std::string> format_query(std::string_view text) {
    SEYIR_TRY(const auto expr, parse(text));
    return pretty(expr);
}

}  // namespace seyir::logql
