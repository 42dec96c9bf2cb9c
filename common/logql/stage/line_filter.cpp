// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/automaton/pattern_automaton.hpp"
#include "common/logql/stage/line_matcher.hpp"
#include "common/logql/stage/stage_op.hpp"
#include "common/logql/text/search.hpp"

namespace seyir::logql {
namespace {

class LineFilterOp final : public StageOp {
  public:
    explicit LineFilterOp(LineMatcher matcher) : matcher_(std::move(matcher)) {}

    bool apply(ScratchRow& row) const override {
        return row.stand_in() || matcher_.passes(row.line());
    }

  private:
    LineMatcher matcher_;
};

}  // namespace

bool LineMatcher::passes(std::string_view line) const {
    const auto passes_one = [&](const Test& test) {
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
    };
    return std::ranges::any_of(tests_, passes_one) != negated_;
}

Result<LineMatcher::Test> LineMatcher::compile(const LineFilterTerm& term, LineOp op) {
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

Result<LineMatcher> LineMatcher::compile(const LineFilter& filter) {
    LineMatcher matcher;
    matcher.negated_ = filter.negated;
    for (const LineFilterTerm& term : filter.terms) {
        SEYIR_TRY(auto test, compile(term, filter.op));
        matcher.tests_.push_back(std::move(test));
    }
    return matcher;
}

std::shared_ptr<const TextAutomaton> automaton_of(const LineFilter& filter) {
    std::vector<std::string> terms;
    bool has_ip = false;
    for (const LineFilterTerm& term : filter.terms) {
        terms.push_back(term.value);
        has_ip = has_ip || term.is_ip;
    }
    std::shared_ptr<const TextAutomaton> automaton;
    if (!has_ip && filter.op == LineOp::kContains) {
        automaton = any_text_automaton(terms);
    } else if (!has_ip && filter.op == LineOp::kRegex) {
        automaton = regex_automaton(terms);
    }
    if (automaton != nullptr) {
        return automaton;
    }
    LineFilter affirmed = filter;
    affirmed.negated = false;
    return needle_automaton(required_of(affirmed));
}

bool passes_all(const LineFilter& filter) {
    return filter.op == LineOp::kContains && !filter.negated &&
           std::ranges::any_of(filter.terms, [](const LineFilterTerm& term) {
               return term.value.empty() && !term.is_ip;
           });
}

bool changes_line(const Stage& stage) {
    return std::holds_alternative<LineFormatStage>(stage.kind) ||
           std::holds_alternative<DecolorizeStage>(stage.kind) ||
           std::holds_alternative<UnpackStage>(stage.kind);
}

Result<StageOpPtr> make_stage(const LineFilter& stage) {
    SEYIR_TRY(auto matcher, LineMatcher::compile(stage));
    return StageOpPtr(std::make_unique<LineFilterOp>(std::move(matcher)));
}

}  // namespace seyir::logql
