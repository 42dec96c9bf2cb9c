// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include "collector/query/engine.hpp"
#include "common/base/base64.hpp"
#include "common/logql/extract/json_reader.hpp"
#include "common/logql/extract/pattern.hpp"
#include "common/logql/parser.hpp"
#include "common/logql/printer.hpp"
#include "common/logql/stage/pipeline.hpp"
#include "common/logql/text/quantity.hpp"
#include "test/conformance/case_files.hpp"
#include "test/support/rows.hpp"
#include "test/support/shared.hpp"

namespace seyir::test {
namespace {

namespace dom = simdjson::dom;

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::string_view kErrorDetails = "__error_details__";

/// What a case came to: nothing expected and got when it passed.
struct Verdict {
    bool passed = false;
    std::string expected;
    std::string got;
    std::string skip_reason;
    bool other_words = false;
};

Verdict passed_if(bool passed, std::string expected, std::string got) {
    return {passed, std::move(expected), std::move(got), {}, false};
}

std::string text_of(dom::element value) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) {
        return std::string(text);
    }
    if (value["b64"].get(text) == simdjson::SUCCESS) {
        return decode_base64(text).value_or("");
    }
    return {};
}

/// "" when the member is absent.
std::string member(dom::element item, std::string_view name) {
    dom::element value;
    return item[name].get(value) == simdjson::SUCCESS ? text_of(value) : std::string();
}

bool flag(dom::element item, std::string_view name, bool absent = false) {
    bool value = absent;
    return item[name].get(value) == simdjson::SUCCESS ? value : absent;
}

LabelMap labels_of(dom::element item, std::string_view name) {
    LabelMap labels;
    dom::object members;
    if (item[name].get(members) == simdjson::SUCCESS) {
        for (const auto& [key, value] : members) {
            labels.emplace(key, text_of(value));
        }
    }
    return labels;
}

std::string show(const LabelMap& labels) {
    std::string text = "{";
    for (const auto& [name, value] : labels) {
        text += fmt::format("{}{}={:?}", text.size() == 1 ? "" : ", ", name, value);
    }
    return text + "}";
}

std::string validity(bool valid) {
    return valid ? "accepted" : "refused";
}

// --- kinds ---

Verdict judge_parse(dom::element item) {
    const auto parsed = logql::parse(member(item, "query"));
    const bool valid = flag(item, "valid");
    Result<void> compiled;
    if (parsed && parsed->is_log()) {
        // What is told where stages are compiled is refused before a query runs, too.
        const std::string query = member(item, "query");
        const auto& log = std::get<logql::LogExpr>(parsed->node);
        if (const auto pipeline = logql::Pipeline::compile(query, log.stages); !pipeline) {
            compiled = pipeline.error();
        }
    }
    Verdict verdict = passed_if(
        (parsed.has_value() && compiled.has_value()) == valid,
        validity(valid) + (valid ? "" : ": " + member(item, "error")),
        !parsed     ? parsed.error().message
        : !compiled ? compiled.error().message
                    : "accepted"
    );
    verdict.other_words =
        verdict.passed && !valid && verdict.got.find(member(item, "error")) == std::string::npos;
    return verdict;
}

Verdict judge_matchers(dom::element item) {
    const auto matchers = logql::parse_selector(member(item, "query"));
    const bool valid = flag(item, "valid");
    if (matchers.has_value() != valid || !matchers) {
        return passed_if(
            matchers.has_value() == valid,
            validity(valid),
            matchers ? "accepted" : matchers.error().message
        );
    }
    LabelMap got;
    for (const logql::Matcher& matcher : *matchers) {
        if (!matcher.value.empty()) {
            got[matcher.name] = matcher.value;
        }
    }
    const LabelMap want = labels_of(item, "labels");
    return passed_if(got == want, show(want), show(got));
}

struct Outcome {
    bool kept = false;
    LabelMap labels;
    std::string line;
};

Result<Outcome> run_stages(const std::string& stages, const PlainRow& plain) {
    SEYIR_TRY(auto log, logql::parse_condition(stages));
    SEYIR_TRY(auto pipeline, logql::Pipeline::compile(stages, log.stages));
    const RecordBatchPtr batch = make_batch({plain});
    logql::ScratchRow row;
    row.bind(*batch, 0);
    Outcome outcome{.kept = pipeline.process(row)};
    row.for_each_label([&](const logql::Label& label) {
        outcome.labels.emplace(label.name, label.value);
    });
    outcome.line = row.line();
    return outcome;
}

Verdict judge_stage(dom::element item) {
    PlainRow row{
        .labels = labels_of(item, "labels"),
        .line = member(item, "line"),
        .metadata = labels_of(item, "metadata")
    };
    int64_t ts = 1;
    if (item["ts"].get(ts) == simdjson::SUCCESS) {
        row.ts_ns = ts;
    }
    LabelMap want = labels_of(item, "want_labels");
    want.erase(std::string(kErrorDetails));
    dom::element want_line;
    const bool has_line =
        item["want_line"].get(want_line) == simdjson::SUCCESS && !want_line.is_null();
    const std::string expected =
        show(want) + (has_line ? fmt::format(" {:?}", text_of(want_line)) : "");
    const auto outcome = run_stages(member(item, "query_stages"), row);
    if (!outcome) {
        return passed_if(false, expected, outcome.error().message);
    }
    LabelMap got = outcome->labels;
    got.erase(std::string(kErrorDetails));
    const bool fits =
        outcome->kept && want == got && (!has_line || text_of(want_line) == outcome->line);
    return passed_if(
        fits,
        expected,
        fmt::format("{}{} {:?}", outcome->kept ? "" : "dropped ", show(got), outcome->line)
    );
}

Verdict judge_label_filter(dom::element item) {
    const PlainRow row{.ts_ns = 1, .metadata = labels_of(item, "labels")};
    const auto outcome = run_stages("| " + member(item, "expr"), row);
    const bool want = flag(item, "want");
    return passed_if(
        outcome && outcome->kept == want,
        want ? "kept" : "dropped",
        outcome ? (outcome->kept ? "kept" : "dropped") : outcome.error().message
    );
}

Verdict judge_line_filter(dom::element item) {
    dom::array checks;
    if (item["checks"].get(checks) != simdjson::SUCCESS) {
        return passed_if(false, "checks", "none");
    }
    for (const dom::element check : checks) {
        const PlainRow row{.labels = {{"app", "x"}}, .ts_ns = 1, .line = member(check, "line")};
        const auto outcome = run_stages(member(item, "query"), row);
        const bool want = flag(check, "match");
        if (!outcome || outcome->kept != want) {
            return passed_if(
                false,
                fmt::format("{:?} {}", row.line, want ? "kept" : "dropped"),
                outcome ? "not so" : outcome.error().message
            );
        }
    }
    return passed_if(true, "", "");
}

/// The range aggregation at the bottom: its per-second form is undone to get what a line adds.
double per_line_factor(const logql::Expr& expr) {
    if (const auto* vector = std::get_if<logql::VectorAggregation>(&expr.node)) {
        return per_line_factor(*vector->operand);
    }
    const auto* range = std::get_if<logql::RangeAggregation>(&expr.node);
    const bool per_second = range != nullptr && (range->op == logql::RangeOp::kRate ||
                                                 range->op == logql::RangeOp::kBytesRate);
    return per_second ? static_cast<double>(range->range_ns) / kSecond : 1;
}

Verdict judge_sample(dom::element item) {
    const std::string query = member(item, "query");
    const bool ok = flag(item, "ok", true);
    double value = 0;
    const bool has_value = item["value"].get(value) == simdjson::SUCCESS;
    const std::string want_text = member(item, "want_labels");
    const std::string expected = ok ? fmt::format("{} {}", want_text, value) : "no sample";
    const auto result = [&]() -> Result<std::string> {
        SEYIR_TRY(const auto expr, logql::parse(query));
        const auto owned = new_store();
        store::LogStore& store = *owned;
        if (!store_rows(store, {{labels_of(item, "labels"), kSecond, member(item, "line")}})) {
            return fail(ErrorCode::kInternal, "the row was not stored");
        }
        io::ManualClock clock;
        query::QueryContext context({}, clock);
        const query::Grid grid{.start_ns = kSecond};
        SEYIR_TRY(
            const auto answer,
            query::run_metric_query(store, query, expr, TenantId::kDefault, grid, context)
        );
        const auto& series = std::get<query::Matrix>(answer).series;
        if (series.empty()) {
            return std::string("no sample");
        }
        return fmt::format(
            "{} {}", query::to_text(series[0].labels), series[0].values[0] * per_line_factor(expr)
        );
    }();
    if (!result) {
        // A line with an error gives a sample there and ends the query; here it ends the query.
        const bool errors = !ok || want_text.find("__error__") != std::string::npos;
        return passed_if(errors, expected, result.error().message);
    }
    return passed_if(*result == expected || (ok && !has_value), expected, *result);
}

Verdict judge_pattern(dom::element item) {
    const auto pattern =
        logql::Pattern::compile(member(item, "pattern"), logql::Pattern::Use::kParser);
    if (!pattern) {
        return passed_if(false, "a pattern", pattern.error().message);
    }
    std::vector<std::string> got;
    const std::string line = member(item, "line");
    pattern->captures(line, [&](std::string_view, std::string_view value) {
        got.emplace_back(value);
    });
    std::vector<std::string> want;
    dom::array captures;
    if (item["captures"].get(captures) == simdjson::SUCCESS) {
        for (const dom::element capture : captures) {
            want.push_back(text_of(capture));
        }
    }
    const bool matches = pattern->matches(line);
    return passed_if(
        got == want && matches == flag(item, "matches", matches),
        fmt::format("{} matches={}", want, flag(item, "matches", matches)),
        fmt::format("{} matches={}", got, matches)
    );
}

Verdict judge_pattern_error(dom::element item) {
    const auto use = member(item, "context") == "parser" ? logql::Pattern::Use::kParser
                                                         : logql::Pattern::Use::kLineFilter;
    const auto pattern = logql::Pattern::compile(member(item, "pattern"), use);
    const bool valid = flag(item, "valid");
    return passed_if(
        pattern.has_value() == valid,
        validity(valid),
        pattern ? "accepted" : pattern.error().message
    );
}

Verdict judge_json_path(dom::element item) {
    const auto path = logql::parse_json_path(member(item, "expr"));
    const bool valid = flag(item, "valid");
    if (!path || !valid) {
        return passed_if(path.has_value() == valid, validity(valid), validity(path.has_value()));
    }
    std::vector<std::string> got;
    for (const auto& step : *path) {
        const auto* key = std::get_if<std::string>(&step);
        got.push_back(key != nullptr ? *key : std::to_string(std::get<uint32_t>(step)));
    }
    std::vector<std::string> want;
    dom::array steps;
    if (item["path"].get(steps) == simdjson::SUCCESS) {
        for (const dom::element step : steps) {
            int64_t index = 0;
            const bool is_index = step.get(index) == simdjson::SUCCESS;
            want.push_back(is_index ? std::to_string(index) : text_of(step));
        }
    }
    return passed_if(got == want, fmt::format("{}", want), fmt::format("{}", got));
}

Verdict judge_compiled_stage(const logql::StageKind& kind, bool valid) {
    const auto op = std::visit([](const auto& stage) { return logql::make_stage(stage); }, kind);
    return passed_if(
        op.has_value() == valid, validity(valid), op ? "accepted" : op.error().message
    );
}

Verdict judge_logfmt_path(dom::element item) {
    logql::LogfmtStage stage;
    stage.extractions.push_back({.name = "x", .expression = member(item, "expr")});
    return judge_compiled_stage(std::move(stage), flag(item, "valid"));
}

Verdict judge_regexp(dom::element item) {
    return judge_compiled_stage(logql::RegexpStage{member(item, "regex")}, flag(item, "valid"));
}

Verdict judge_sanitize(dom::element item) {
    std::string got;
    logql::append_label_name(got, member(item, "key"), true);
    return passed_if(got == member(item, "want"), member(item, "want"), got);
}

Verdict judge_duration(dom::element item) {
    const auto got = logql::parse_duration_ns(member(item, "text"), true);
    int64_t want = 0;
    const bool fits = item["ns"].get(want) == simdjson::SUCCESS;
    return passed_if(
        fits && got == want,
        fits ? std::to_string(want) : "a number beyond 64 bits",
        got ? std::to_string(*got) : "refused"
    );
}

/// The formatter's cases were made with lines of 20 bytes, so that short queries show its layout.
Verdict judge_format(dom::element item) {
    constexpr size_t kLineBytes = 20;
    const auto parsed = logql::parse(member(item, "query"));
    const std::string want = member(item, "formatted");
    if (!parsed) {
        return passed_if(false, want, parsed.error().message);
    }
    const bool is_pretty = member(item, "style") == "pretty";
    const std::string got =
        is_pretty ? logql::pretty(*parsed, kLineBytes) : logql::to_text(*parsed);
    return passed_if(got == want, want, got);
}

using Judge = Verdict (*)(dom::element);

constexpr std::array<std::pair<std::string_view, Judge>, 14> kJudges{{
    {"parse", judge_parse},
    {"matchers", judge_matchers},
    {"stage", judge_stage},
    {"label_filter", judge_label_filter},
    {"line_filter", judge_line_filter},
    {"sample", judge_sample},
    {"pattern", judge_pattern},
    {"pattern_err", judge_pattern_error},
    {"jsonpath", judge_json_path},
    {"logfmtpath", judge_logfmt_path},
    {"regexp_err", judge_regexp},
    {"sanitize", judge_sanitize},
    {"duration", judge_duration},
    {"format", judge_format},
}};

Verdict judge(dom::element item) {
    const std::string kind = member(item, "kind");
    for (const auto& [name, run] : kJudges) {
        if (name == kind) {
            return run(item);
        }
    }
    return {.skip_reason = fmt::format("no runner for kind \"{}\"", kind)};
}

std::string query_of(dom::element item) {
    constexpr std::array<std::string_view, 8> kNames{
        "query", "query_stages", "expr", "pattern", "regex", "key", "text", "name"
    };
    std::string query;
    for (const std::string_view name : kNames) {
        if (query = member(item, name); !query.empty()) {
            break;
        }
    }
    const std::string line = member(item, "line");
    return line.empty() ? query : fmt::format("{} on {:?}", query, line);
}

}  // namespace

FileReport run_json_cases(const std::filesystem::path& path) {
    FileReport report{.name = path.filename().string()};
    const std::string text = read_file(path);
    dom::parser parser;
    size_t number = 0;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        // A copy: the parser reads beyond the end.
        const simdjson::padded_string line(std::string_view(text).substr(at, end - at));
        at = end + 1;
        ++number;
        dom::element item;
        // A number beyond 64 bits ends simdjson; such a case is told, not run.
        if (parser.parse(line).get(item) != simdjson::SUCCESS) {
            const std::string_view raw(line);
            const size_t id_at = raw.find("\"id\": \"");
            const size_t id_begin = id_at == std::string_view::npos ? 0 : id_at + 7;
            const std::string id(raw.substr(id_begin, raw.find('"', id_begin) - id_begin));
            report.failures.push_back({id, std::string(raw), "a case", "not readable as JSON"});
            continue;
        }
        std::string id = member(item, "id");
        id = id.empty() ? fmt::format("{}:{}", report.name, number) : id;
        Verdict verdict = judge(item);
        if (!verdict.skip_reason.empty()) {
            report.skip(std::move(id), std::move(verdict.skip_reason));
        } else if (verdict.passed) {
            ++report.passed;
            if (verdict.other_words) {
                report.other_words.push_back(
                    {std::move(id), query_of(item), member(item, "error"), std::move(verdict.got)}
                );
            }
        } else {
            report.failures.push_back(
                {std::move(id), query_of(item), std::move(verdict.expected), std::move(verdict.got)}
            );
        }
    }
    return report;
}

}  // namespace seyir::test
