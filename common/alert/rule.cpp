// SPDX-License-Identifier: Apache-2.0
#include "common/alert/rule.hpp"

#include "common/logql/parser.hpp"
#include "common/logql/route_matcher.hpp"
#include "common/logql/stage/stage_op.hpp"

namespace seyir::alert {

Result<RulePtr> Rule::compile(RuleText text) {
    // The same language as `match:` and `if:`, with the same refusals.
    if (auto checked = logql::RouteMatcher::compile(text.condition); !checked) {
        return std::move(checked).error();
    }
    auto rule = std::make_shared<Rule>();
    SEYIR_TRY(const logql::LogExpr log, logql::parse_condition(text.condition));
    SEYIR_TRY(rule->streams, logql::StreamMatcher::compile(log.matchers));
    SEYIR_TRY(rule->pipeline, logql::Pipeline::compile(text.condition, log.stages));
    if (!text.summary.empty()) {
        SEYIR_TRY(rule->summary, logql::make_stage(logql::LineFormatStage{text.summary}));
    }
    rule->text = std::move(text);
    return RulePtr(std::move(rule));
}

}  // namespace seyir::alert
