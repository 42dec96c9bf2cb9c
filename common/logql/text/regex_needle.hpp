// SPDX-License-Identifier: Apache-2.0
// What every match of a regular expression holds, as a tree of texts: `(error|warn)ing: .*timeout`
// gives ("erroring: " or "warning: ") and "timeout".
// Threads: pure functions.   Soundness: what is not understood asks for nothing.
// Limits: kPatternBytesMax, kGroupDepthMax, kAlternativesMax; beyond them nothing is asked for.
// Spec: RE2 syntax.   Method: as RE2's own prefilter, with what is known of case kept.
#pragma once

#include <cstddef>
#include <string_view>

#include "common/base/needle.hpp"

namespace seyir::logql {

inline constexpr size_t kPatternBytesMax = 4096;
inline constexpr int kGroupDepthMax = 50;
/// Alternatives multiply out as long as there are no more than these: `(a|b)c(d|e)` gives four.
inline constexpr size_t kAlternativesMax = 16;

/// Requires: RE2 accepts the pattern. `whole`: a match is the whole text, so that texts which are
/// the whole of a match get the place `whole`, others `part`.
Needle regex_needle(
    std::string_view pattern,
    Needle::Place part = Needle::Place::kLine,
    Needle::Place whole = Needle::Place::kLine
);

}  // namespace seyir::logql
