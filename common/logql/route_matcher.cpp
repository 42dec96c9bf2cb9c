// SPDX-License-Identifier: Apache-2.0
#include "common/logql/route_matcher.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/logql/parser.hpp"

namespace seyir::logql {
namespace {

// What agents set themselves; attributes of every record are written with a stage instead.
bool is_known_attribute(std::string_view name) {
    return name == "filename" || name == kLevelLabel || name == "trace_id" || name == "span_id";
}

Result<void> check_selector(std::string_view text, const LogExpr& log) {
    for (const Matcher& matcher : log.matchers) {
        if (is_known_attribute(matcher.name)) {
            return parse_error(
                text,
                matcher.at,
                fmt::format("`{}` is an attribute of the record, not a stream label", matcher.name),
                fmt::format("select it behind the braces: | {} = \"...\"", matcher.name)
            );
        }
    }
    return {};
}

}  // namespace

Result<RouteMatcher> RouteMatcher::compile(std::string_view text) {
    SEYIR_TRY(LogExpr log, parse_condition(text));
    SEYIR_CHECK(check_selector(text, log));
    RouteMatcher matcher;
    SEYIR_TRY(matcher.streams_, StreamMatcher::compile(log.matchers));
    SEYIR_TRY(matcher.pipeline_, Pipeline::compile(text, log.stages));
    return matcher;
}

Selection RouteMatcher::match(const BatchView& view, uint64_t* rows_with_error) const {
    if (matches_all()) {
        return view.rows;
    }
    const RecordBatch& batch = *view.batch;
    std::vector<char> wanted(batch.streams().size());
    std::ranges::transform(batch.streams(), wanted.begin(), [&](const StreamLabelsPtr& labels) {
        return static_cast<char>(streams_.matches(*labels));
    });
    if (pipeline_.empty() && std::ranges::all_of(wanted, [](char w) { return w != 0; })) {
        return view.rows;
    }
    ScratchRow row;
    if (pipeline_.referenced_labels()) {
        row.set_wanted(&*pipeline_.referenced_labels());  // nobody sees the others
    }
    std::vector<uint32_t> rows;
    for_each_row(view, [&](uint32_t i) {
        if (wanted[batch.stream(i)] == 0) {
            return;
        }
        row.bind(batch, i);
        if (!pipeline_.process(row)) {
            return;
        }
        if (row.has_error()) {
            if (rows_with_error != nullptr) {
                ++*rows_with_error;
            }
            return;
        }
        rows.push_back(i);
    });
    return Selection::of(std::move(rows));
}

}  // namespace seyir::logql
