// SPDX-License-Identifier: Apache-2.0
// |= != |~ !~ |> !> with `or` and ip().
#include <algorithm>
#include <variant>

#include "common/logql/extract/pattern.hpp"
#include "common/logql/stage/stage_op.hpp"
#include "common/logql/text/ip_match.hpp"
#include "common/logql/text/regex.hpp"
#include "common/logql/text/search.hpp"

namespace seyir::logql {
namespace {

using Test = std::variant<std::string, Regex, Pattern, IpMatcher>;

bool passes(const Test& test, std::string_view line) {
    if (const auto* text = std::get_if<std::string>(&test)) {
        return contains(line, *text);
    }
    if (const auto* regex = std::get_if<Regex>(&test)) {
        return regex->matches(line);
    }
    if (const auto* pattern = std::get_if<Pattern>(&test)) {
        return pattern->matches(line);
    }
    return std::get<IpMatcher>(test).found_in(line);
}

class LineFilterOp final : public StageOp {
  public:
    LineFilterOp(std::vector<Test> tests, bool negated)
        : tests_(std::move(tests)), negated_(negated) {}

    bool apply(ScratchRow& row) const override {
        const std::string_view line = row.line();
        const bool any =
            std::ranges::any_of(tests_, [&](const Test& test) { return passes(test, line); });
        return any != negated_;
    }

  private:
    std::vector<Test> tests_;
    bool negated_;
};

Result<Test> compile(const LineFilterTerm& term, LineOp op) {
    if (term.is_ip) {
        SEYIR_TRY(auto ip, IpMatcher::compile(term.value));
        return Test(std::move(ip));
    }
    if (op == LineOp::kRegex) {
        SEYIR_TRY(auto regex, Regex::compile(term.value, false));
        return Test(std::move(regex));
    }
    if (op == LineOp::kPattern) {
        SEYIR_TRY(auto pattern, Pattern::compile(term.value, Pattern::Use::kLineFilter));
        return Test(std::move(pattern));
    }
    return Test(term.value);
}

}  // namespace

Result<StageOpPtr> make_stage(const LineFilter& stage) {
    std::vector<Test> tests;
    for (const LineFilterTerm& term : stage.terms) {
        SEYIR_TRY(auto test, compile(term, stage.op));
        tests.push_back(std::move(test));
    }
    return StageOpPtr(std::make_unique<LineFilterOp>(std::move(tests), stage.negated));
}

}  // namespace seyir::logql
