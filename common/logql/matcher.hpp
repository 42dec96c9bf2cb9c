// SPDX-License-Identifier: Apache-2.0
// Compiled matchers: `name op "value"` on a text, and a whole selector on a stream's labels.
// Threads: immutable, thread-safe.   Spec: regular expressions are anchored; an absent label is "".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.hpp"
#include "common/logql/ast.hpp"
#include "common/logql/text/regex.hpp"
#include "common/record/stream_labels.hpp"

namespace seyir::logql {

class CompiledMatcher {
  public:
    static Result<CompiledMatcher> compile(const Matcher& matcher);

    const std::string& name() const { return matcher_.name; }

    bool matches(std::string_view value) const;

  private:
    Matcher matcher_;
    std::optional<Regex> regex_;
};

class StreamMatcher {
  public:
    static Result<StreamMatcher> compile(const std::vector<Matcher>& matchers);

    bool matches(const StreamLabels& labels) const;

    bool matches_all() const { return matchers_.empty(); }

  private:
    std::vector<CompiledMatcher> matchers_;
};

}  // namespace seyir::logql
