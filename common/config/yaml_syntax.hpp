// SPDX-License-Identifier: Apache-2.0
// What libyaml's messages mean to the person who wrote the file. Used by yaml_reader.cpp only.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/config/diagnostics/diagnostics.hpp"

namespace seyir::config {

struct YamlProblem {
    std::string_view message;  ///< "did not find expected ',' or '}'"
    std::string_view context;  ///< "while parsing a flow mapping", or ""
    uint32_t at = 0;           ///< byte offset of the problem
    uint32_t context_at = 0;   ///< byte offset where the construct began
};

Diagnostic explain_syntax(const SourceFile& source, const YamlProblem& problem);

}  // namespace seyir::config
