// SPDX-License-Identifier: Apache-2.0
// GrokSet: compiled grok expressions; GrokParser: their captures as fields. Of several expressions
// the first that matches counts; empty captures give no field.
// Room: plugins/filter/parse/grok.   Threads: a set is immutable and shared; a parser is not.
// Errors: compile: kInvalidArgument with PCRE2's words and what the expression expanded to there.
// Limits: match steps, backtracking depth and heap of each match; beyond: a Miss, `regex_limit`.
// Memory: machine code where the system allows it (systemd's MemoryDenyWriteExecute does not): then
// PCRE2 interprets, slower and with the same result.
// Text that is UTF-8 is matched by characters, other text by bytes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plugins/filter/parse/grok/library.hpp"
#include "plugins/filter/parse/line_parser.hpp"

namespace seyir::plugins::parse {

class GrokSet {
  public:
    struct Expression;

    static Result<std::shared_ptr<const GrokSet>> compile(
        const std::vector<std::string>& patterns, const Library& library
    );

    const std::vector<std::unique_ptr<Expression>>& expressions() const { return expressions_; }

    GrokSet();
    ~GrokSet();
    GrokSet(const GrokSet&) = delete;
    GrokSet& operator=(const GrokSet&) = delete;

    /// Matching runs machine code.
    bool is_machine_code() const;

  private:
    std::vector<std::unique_ptr<Expression>> expressions_;
};

class GrokParser final : public LineParser {
  public:
    GrokParser(std::shared_ptr<const GrokSet> set, uint64_t steps_max);
    ~GrokParser() override;

    std::optional<Miss> parse(Slice text, FieldWriter& out) override;

  private:
    struct Scratch;

    std::shared_ptr<const GrokSet> set_;
    std::unique_ptr<Scratch> scratch_;
};

/// Where the first match of an expression ends; nothing without one. For explanations: compiles
/// each time.
std::optional<size_t> match_end(std::string_view pattern, const Library& library, Slice text);

}  // namespace seyir::plugins::parse
