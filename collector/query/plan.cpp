// SPDX-License-Identifier: Apache-2.0
#include "collector/query/plan.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/logql/extract/json_reader.hpp"
#include "common/logql/stage/line_matcher.hpp"
#include "common/logql/stage/required.hpp"
#include "common/logql/text/quantity.hpp"

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
    plan.add_line_tests(log.stages);
    plan.number_tests_ = NumberTests(log.stages);
    for (const logql::Stage& stage : log.stages) {
        const auto* json = std::get_if<logql::JsonStage>(&stage.kind);
        if (json != nullptr && plan.pipeline_.line_use() == logql::LineUse::kJsonPaths) {
            plan.paths_ = logql::key_paths_of(*json).value_or(std::vector<logql::KeyPath>());
        }
    }
    plan.keeps_labels_ = std::ranges::all_of(log.stages, [](const logql::Stage& stage) {
        return std::holds_alternative<logql::LineFilter>(stage.kind) ||
               std::holds_alternative<logql::LabelFilter>(stage.kind) ||
               std::holds_alternative<logql::JsonStage>(stage.kind) ||
               std::holds_alternative<logql::LogfmtStage>(stage.kind);
    });
    return plan;
}

/// Line filters that see the line as it is stored.
void LogPlan::add_line_tests(const std::vector<logql::Stage>& stages) {
    for (const logql::Stage& stage : stages) {
        if (logql::changes_line(stage)) {
            break;
        }
        const auto* filter = std::get_if<logql::LineFilter>(&stage.kind);
        if (filter == nullptr || logql::passes_all(*filter)) {
            continue;
        }
        line_tests_.push_back({logql::automaton_of(*filter), filter->negated});
    }
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

std::shared_ptr<const store::LineWants> LogPlan::lines() const {
    if (line_tests_.empty()) {
        return nullptr;
    }
    auto wants = std::make_shared<store::LineWants>();
    wants->tests = line_tests_;
    return wants;
}

std::shared_ptr<const store::LineWants> LogPlan::values_for(
    const std::vector<std::string>& labels, std::string_view number
) const {
    if (pipeline_.line_use() == logql::LineUse::kWhole) {
        return lines();
    }
    auto wants = std::make_shared<store::LineWants>();
    wants->is_whole = false;
    wants->tests = line_tests_;
    if (pipeline_.line_use() == logql::LineUse::kNone) {
        return wants;
    }
    wants->number_of = logql::parse_number;
    std::map<std::string, uint32_t> names;  // and the group of each
    std::map<std::string, uint32_t> groups;
    for (std::string name : labels) {
        std::string_view stem = name;
        while (stem.ends_with(logql::kExtractedSuffix)) {
            stem.remove_suffix(logql::kExtractedSuffix.size());
        }
        const auto next = static_cast<uint32_t>(groups.size());
        const uint32_t group = groups.try_emplace(std::string(stem), next).first->second;
        names.emplace(name, group);
        if (name.ends_with(logql::kExtractedSuffix)) {
            name.resize(name.size() - logql::kExtractedSuffix.size());
            names.emplace(std::move(name), group);
        }
    }
    for (const auto& [name, group] : names) {
        const bool has_number = name == number || number_tests_.count(name) > 0;
        wants->labels.push_back({name, group, has_number});
    }
    set_format(*wants);
    return wants;
}

/// What names labels have, by how the line is read.
void LogPlan::set_format(store::LineWants& wants) const {
    switch (pipeline_.line_use()) {
        case logql::LineUse::kJsonPaths:
            wants.format = store::LineFormat::kJson;
            for (const logql::KeyPath& path : paths_) {
                wants.paths.push_back(path.keys);
            }
            wants.label_name = [paths = paths_](std::span<const std::string_view> names) {
                const auto at = std::ranges::find_if(paths, [&](const logql::KeyPath& path) {
                    return std::ranges::equal(path.keys, names);
                });
                return at == paths.end() ? std::string() : at->name;
            };
            return;
        case logql::LineUse::kLogfmtLabels:
            wants.format = store::LineFormat::kLogfmt;
            wants.label_name = [](std::span<const std::string_view> names) {
                std::string label;
                logql::append_label_name(label, names.back(), true);
                return label;
            };
            return;
        default:
            wants.format = store::LineFormat::kJson;
            wants.label_name = logql::json_label_name;
    }
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
