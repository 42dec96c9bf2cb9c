// SPDX-License-Identifier: Apache-2.0
// RegexParser: named groups of RE2 expressions as fields; of several the first that fits counts.
// A group that took no part gives no field.
// Room: plugins/filter/parse.   Threads: the compiled set is immutable and shared; a parser is not.
// Errors of compile: kInvalidArgument with RE2's words.   Spec: RE2 syntax; (?<name>...) as well as
// (?P<name>...), and an expression between slashes, as other programs write them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/logql/text/regex.hpp"
#include "plugins/filter/parse/line_parser.hpp"

namespace seyir::plugins::parse {

/// With (?P<name> for (?<name> and \x{0023} for \u0023, which the RE2 of our baseline does not
/// know.
std::string re2_syntax(std::string_view pattern);

class RegexSet {
  public:
    static Result<std::shared_ptr<const RegexSet>> compile(const std::vector<std::string>& patterns
    );

    const std::vector<logql::Regex>& expressions() const { return expressions_; }

  private:
    std::vector<logql::Regex> expressions_;
};

class RegexParser final : public LineParser {
  public:
    explicit RegexParser(std::shared_ptr<const RegexSet> set) : set_(std::move(set)) {}

    std::optional<Miss> parse(Slice text, FieldWriter& out) override;

  private:
    std::shared_ptr<const RegexSet> set_;
    std::vector<std::string_view> groups_;
};

}  // namespace seyir::plugins::parse
