// SPDX-License-Identifier: Apache-2.0
#include "collector/query/number_tests.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <variant>

#include "common/logql/compare.hpp"

namespace seyir::query {

NumberTests::NumberTests(const std::vector<logql::Stage>& stages) {
    bool is_behind_parser = false;
    for (const logql::Stage& stage : stages) {
        if (std::holds_alternative<logql::LineFilter>(stage.kind)) {
            continue;
        }
        if (const auto* json = std::get_if<logql::JsonStage>(&stage.kind)) {
            if (!json->extractions.empty()) {
                return;
            }
            is_behind_parser = true;
            continue;
        }
        if (const auto* logfmt = std::get_if<logql::LogfmtStage>(&stage.kind)) {
            if (!logfmt->extractions.empty() || logfmt->strict) {
                return;
            }
            is_behind_parser = true;
            continue;
        }
        const auto* filter = std::get_if<logql::LabelFilter>(&stage.kind);
        if (filter == nullptr || !add(*filter, is_behind_parser)) {
            return;
        }
    }
}

/// False: what comes behind may see a row with an error, which passes tests of numbers.
bool NumberTests::add(const logql::LabelFilter& filter, bool is_behind_parser) {
    if (std::holds_alternative<logql::StringTest>(filter.test)) {
        return true;
    }
    if (const auto* both = std::get_if<logql::BothTests>(&filter.test)) {
        return !both->is_or && add(*both->left, is_behind_parser) &&
               add(*both->right, is_behind_parser);
    }
    const auto* number = std::get_if<logql::NumberTest>(&filter.test);
    if (number == nullptr || !is_behind_parser || number->name.ends_with(logql::kExtractedSuffix)) {
        return false;
    }
    tests_.push_back(*number);
    return true;
}

size_t NumberTests::count(std::string_view name) const {
    return static_cast<size_t>(std::ranges::count(tests_, name, &logql::NumberTest::name));
}

size_t index_of(const store::LineWants& wants, std::string_view name) {
    const auto at = std::ranges::find(wants.labels, name, &store::LineLabel::name);
    return static_cast<size_t>(at - wants.labels.begin());
}

void TestedRows::choose(
    const store::Page& page, const store::LineWants& wants, const NumberTests& tests
) {
    tests_.clear();
    for (const logql::NumberTest& test : tests.all()) {
        const size_t index = index_of(wants, test.name);
        const bool is_given = index < page.values->labels.size();
        const auto* label = is_given ? page.values->labels[index].get() : nullptr;
        if (label == nullptr || label->quantities.size() != label->text_count) {
            tests_.clear();
            return;
        }
        tests_.push_back({&test, label});
    }
}

TestedRows::Verdict TestedRows::test(uint32_t i) const {
    for (const Test& test : tests_) {
        if (test.is_hidden) {
            return kUnknown;
        }
        const uint32_t number = test.label->numbers[i];
        if (number == store::LineValues::kAbsent) {
            return kFails;
        }
        const double quantity = test.label->quantities[number - 1];
        if (std::isnan(quantity)) {
            return kUnknown;
        }
        if (!logql::compare(quantity, test.test->op, test.test->value)) {
            return kFails;
        }
    }
    return kPasses;
}

void TestedRows::test(
    const store::Page& page,
    const store::LineWants& wants,
    const NumberTests& tests,
    logql::ScratchRow& row
) {
    verdicts_.clear();
    choose(page, wants, tests);
    if (tests_.empty()) {
        return;
    }
    const RecordBatch& batch = *page.batch;
    verdicts_.assign(batch.row_count(), kUnknown);
    std::optional<uint32_t> like;  // the row that was looked at last
    for (uint32_t i = 0; i < batch.row_count(); ++i) {
        if (page.values->has_line[i] != 0) {
            continue;
        }
        const bool is_like = like && batch.trace(i) == TraceIds{} &&
                             batch.attr_range(i) == batch.attr_range(*like) &&
                             batch.stream(i) == batch.stream(*like) &&
                             batch.severity(i) == batch.severity(*like);
        if (!is_like) {
            row.bind(batch, i);
            for (Test& test : tests_) {
                test.is_hidden = row.in_base(test.test->name);
            }
            like = batch.trace(i) == TraceIds{} ? std::optional(i) : std::nullopt;
        }
        verdicts_[i] = test(i);
    }
}

}  // namespace seyir::query
