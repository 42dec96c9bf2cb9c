// SPDX-License-Identifier: Apache-2.0
// How one diagnostic looks as text and as JSON. Used by Diagnostics only.
// Limits: a source line is shown through a window of 120 columns around its caret.
#pragma once

#include <string>

#include "common/config/diagnostics/diagnostics.hpp"

namespace seyir::config {

void render_text(
    std::string& out, const SourceSet& sources, const Diagnostic& diagnostic, bool color
);

void render_json(std::string& out, const SourceSet& sources, const Diagnostic& diagnostic);

}  // namespace seyir::config
