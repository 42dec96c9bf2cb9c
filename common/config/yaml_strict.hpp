// SPDX-License-Identifier: Apache-2.0
// What libyaml 0.2.5 lets pass although YAML 1.2 forbids it, so that no file is read in a way its
// writer did not mean: comments glued to values, tabs as indentation, continuation lines that are
// not indented, misleading block scalars. Used by yaml_reader.cpp only.
// Spec: YAML 1.2.2, 6.1 (indentation), 6.6 (comments), 7.3 (flow scalars), 8.1 (block scalars).
#pragma once

#include <cstdint>
#include <optional>

#include "common/config/diagnostics/diagnostics.hpp"

namespace seyir::config {

enum class ScalarStyle : uint8_t { kPlain, kQuoted, kBlock };

struct ScalarPlace {
    Span at;
    ScalarStyle style = ScalarStyle::kPlain;
    bool is_in_flow = false;
    int block_column = -1;  ///< of the innermost block collection, from 0; -1: none
};

/// The text between two values: structure, blanks and comments.
std::optional<Diagnostic> check_gap(const SourceFile& source, Span gap);

std::optional<Diagnostic> check_scalar_place(const SourceFile& source, const ScalarPlace& scalar);

}  // namespace seyir::config
