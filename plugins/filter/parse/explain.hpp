// SPDX-License-Identifier: Apache-2.0
// Where an expression stopped fitting a text, for people who write one: the longest beginning of
// the expression that matches, where that match ends, and the part that does not fit there. Room:
// plugins/filter/parse; `seyir parse try`.   Threads: pure functions. Limits: kExplainTriesMax
// compilations; an alternative at the top of an expression ends the search.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/filter/parse/grok/library.hpp"
#include "plugins/filter/parse/options.hpp"

namespace seyir::plugins::parse {

inline constexpr int kExplainTriesMax = 400;

struct Stop {
    size_t at = 0;        ///< offset in the text
    std::string missing;  ///< the part of the expression that does not fit there
};

/// Parts of an expression that can end a beginning of it: a character, a class, a group or a
/// reference, each with its quantifier. One part when it has alternatives.
std::vector<std::string_view> split_expression(std::string_view expression);

/// The best of all expressions. Nothing when not even the first part of one matches anywhere, or
/// for formats that are not expressions.
std::optional<Stop> explain_stop(const Options& options, io::FileSystem& files, Slice text);

}  // namespace seyir::plugins::parse
