// SPDX-License-Identifier: Apache-2.0
#include "collector/query/plan.hpp"

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/logql/stage/required.hpp"

namespace seyir::query {

std::string to_text(const std::vector<logql::Matcher>& matchers) {
    std::string out = "{";
    for (const logql::Matcher& matcher : matchers) {
        out += out.size() == 1 ? "" : ", ";
        out += matcher.name;
        switch (matcher.op) {
            case logql::MatchOp::kEqual:
                out += "=";
                break;
            case logql::MatchOp::kNotEqual:
                out += "!=";
                break;
            case logql::MatchOp::kRegex:
                out += "=~";
                break;
            case logql::MatchOp::kNotRegex:
                out += "!~";
                break;
        }
        append_json_quoted(out, matcher.value);
    }
    return out + "}";
}

Result<LogPlan> LogPlan::make(std::string_view text, const logql::LogExpr& log) {
    LogPlan plan;
    plan.selector_text_ = to_text(log.matchers);
    for (const logql::Stage& stage : log.stages) {
        plan.stage_texts_.emplace_back(text.substr(stage.at, stage.end - stage.at));
    }
    SEYIR_TRY(auto streams, logql::StreamMatcher::compile(log.matchers));
    plan.streams_ = std::make_shared<const logql::StreamMatcher>(std::move(streams));
    SEYIR_TRY(plan.pipeline_, logql::Pipeline::compile(text, log.stages));
    plan.holds_ = logql::required_of(log.stages);
    return plan;
}

store::SelectQuery LogPlan::select(TenantId tenant, TimeRange range, store::Direction direction)
    const {
    store::SelectQuery query{.tenant = tenant, .range = range, .direction = direction};
    if (!streams_->matches_all()) {
        query.stream_matches = [streams = streams_](const StreamLabels& labels) {
            return streams->matches(labels);
        };
    }
    query.holds = holds_;
    return query;
}

std::string LogPlan::explain(TimeRange range) const {
    std::string out = fmt::format(
        "time:    {} .. {} (end excluded)\nstreams: {}\n",
        to_rfc3339(range.begin),
        to_rfc3339(range.end),
        selector_text_
    );
    if (holds_.kind == Needle::Kind::kAnything) {
        out += "prune:   by time and stream only; no filter asks for a text\n";
    } else {
        out += fmt::format("prune:   blocks without {}\n", seyir::to_text(holds_));
    }
    for (const std::string& stage : stage_texts_) {
        out += fmt::format("stage:   {}\n", stage);
    }
    return out;
}

}  // namespace seyir::query
