// SPDX-License-Identifier: Apache-2.0
// fmt.Sprintf for the values of templates: %v %s %q %d %x %X %o %b %c %U %e %f %g %t %T %%, with
// flags, width and precision. What does not fit is told in the text as Go does: %!d(string=x).
// Threads: pure functions.   Limits: width and precision of 10,000; the row's budget.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.hpp"
#include "common/logql/template/functions.hpp"

namespace seyir::logql::tmpl {

Result<std::string> format_printf(Scope& scope, std::string_view format, Arguments args);

/// As append_text, with the row's labels as the map they are.
void append_shown(std::string& out, Scope& scope, const Value& value);

/// The row's labels by name, as a map.
Value labels_map(ScratchRow& row);

}  // namespace seyir::logql::tmpl
