// SPDX-License-Identifier: Apache-2.0
// LineMatcher: a line filter's test of a line: |= != |~ !~ |> !> with `or` and ip().
// Threads: immutable once compiled.   Errors: kInvalidArgument without position.
#pragma once

#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "common/automaton/text_automaton.hpp"
#include "common/base/needle.hpp"
#include "common/base/result.hpp"
#include "common/logql/ast.hpp"
#include "common/logql/extract/pattern.hpp"
#include "common/logql/text/ip_match.hpp"
#include "common/logql/text/regex.hpp"

namespace seyir::logql {

class LineMatcher {
  public:
    static Result<LineMatcher> compile(const LineFilter& filter);

    bool passes(std::string_view line) const;

  private:
    using Test = std::variant<std::string, Regex, Pattern, IpMatcher>;

    static Result<Test> compile(const LineFilterTerm& term, LineOp op);

    std::vector<Test> tests_;
    bool negated_ = false;
};

/// What the filter, or the filter that it negates, looks for. Null when nothing is known.
/// Requires: it compiles.
std::shared_ptr<const TextAutomaton> automaton_of(const LineFilter& filter);

/// What every line that passes holds.
Needle required_of(const LineFilter& filter);

/// It passes every line, as `|= ""` does, which Grafana's editor leaves behind.
bool passes_all(const LineFilter& filter);

/// It gives the row another line.
bool changes_line(const Stage& stage);

}  // namespace seyir::logql
