// SPDX-License-Identifier: Apache-2.0
#include "collector/query/range_exec.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include <fmt/format.h>

#include "collector/query/grid_windows.hpp"
#include "collector/query/number_tests.hpp"
#include "collector/query/plan.hpp"
#include "collector/query/row_classes.hpp"
#include "collector/query/row_labels.hpp"
#include "collector/query/sample_windows.hpp"
#include "collector/query/volume_exec.hpp"
#include "common/logql/text/quantity.hpp"

namespace seyir::query {
namespace {

using Wide = __int128;  // times near the ends of int64 must not overflow

constexpr uint32_t kRowsPerCheck = 4096;

int64_t saturate(Wide value) {
    constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
    constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
    return value < kMin ? kMin : value > kMax ? kMax : static_cast<int64_t>(value);
}

struct Accumulator {
    std::vector<int64_t> rows;    ///< differences; one more than steps
    std::vector<int64_t> bytes;   ///< empty when only rows count
    std::vector<Sample> samples;  ///< instead of both where values are unwrapped
};

/// `| unwrap duration(label) | filters`, ready to run.
struct ValueReader {
    std::string label;
    logql::UnwrapConversion conversion = logql::UnwrapConversion::kNone;
    logql::Pipeline filters;

    static Result<ValueReader> make(std::string_view text, const logql::Unwrap& unwrap) {
        ValueReader reader{.label = unwrap.label, .conversion = unwrap.conversion};
        SEYIR_TRY(reader.filters, logql::Pipeline::compile(text, unwrap.filters));
        return reader;
    }

    /// Nothing: the row is left out. A text that is no number is the row's error.
    std::optional<double> read(logql::ScratchRow& row) const {
        const std::string_view text = row.get_or_empty(label);
        if (text.empty()) {
            return std::nullopt;
        }
        const auto value = convert(text);
        if (!value) {
            row.set_error("SampleExtractionErr", why_not(text));
        }
        if (!filters.process(row)) {
            return std::nullopt;
        }
        return value.value_or(0);
    }

  private:
    std::optional<double> convert(std::string_view text) const {
        switch (conversion) {
            case logql::UnwrapConversion::kBytes: {
                const auto bytes = logql::parse_byte_size(text);
                return bytes ? std::optional(static_cast<double>(*bytes)) : std::nullopt;
            }
            case logql::UnwrapConversion::kDuration: {
                const auto ns = logql::parse_duration_ns(text);
                return ns ? std::optional(static_cast<double>(*ns) / 1e9) : std::nullopt;
            }
            default:
                return logql::parse_number(text);
        }
    }

    std::string why_not(std::string_view text) const {
        switch (conversion) {
            case logql::UnwrapConversion::kBytes:
                return logql::byte_size_error(text);
            case logql::UnwrapConversion::kDuration:
                return logql::duration_error(text);
            default:
                return logql::number_error(text);
        }
    }
};

class RangeScan {
  public:
    RangeScan(
        const logql::RangeAggregation& node, const RangeRequest& request, QueryContext& context
    )
        : node_(node),
          request_(request),
          context_(context),
          windows_(request.grid, node.range_ns, node.offset_ns) {
        sums_bytes_ = node.op == logql::RangeOp::kBytes || node.op == logql::RangeOp::kBytesRate;
        grouping_ = request.sum_into ? request.sum_into : node.grouping;
        if (grouping_) {
            std::ranges::sort(grouping_->labels);
        }
    }

    Result<Matrix> run(store::LogStore& store, const LogPlan& plan) {
        if (node_.unwrap) {
            SEYIR_TRY(reader_, ValueReader::make(request_.text, *node_.unwrap));
            keeps_samples_ = node_.op != logql::RangeOp::kAbsent;
        }
        choose_wanted(plan.pipeline());
        choose_value_label(plan);
        const TimeRange range = scanned_range(node_, request_.grid);
        auto query = plan.select(request_.tenant, range, store::Direction::kForward);
        wants_ = choose_wants(plan);
        query.wants = wants_;
        SEYIR_TRY(auto cursor, store.select(std::move(query)));
        while (true) {
            SEYIR_CHECK(context_.check_read(cursor->stats()));
            SEYIR_TRY(const auto page, cursor->next());
            if (!page) {
                break;
            }
            SEYIR_CHECK(take(*page, range, plan));
        }
        context_.add(cursor->stats());
        return keeps_samples_ ? finish_samples() : Result<Matrix>(finish());
    }

  private:
    void choose_wanted(const logql::Pipeline& pipeline) {
        row_.set_detects_level(context_.limits().detects_level);
        if (!grouping_ || grouping_->without || !pipeline.referenced_labels() ||
            (reader_ && !reader_->filters.referenced_labels())) {
            return;
        }
        wanted_ = grouping_->labels;
        if (reader_) {
            wanted_.push_back(reader_->label);
            const auto& filtered = *reader_->filters.referenced_labels();
            wanted_.insert(wanted_.end(), filtered.begin(), filtered.end());
        }
        wanted_.insert(
            wanted_.end(),
            pipeline.referenced_labels()->begin(),
            pipeline.referenced_labels()->end()
        );
        row_.set_wanted(&wanted_);
        if (std::ranges::find(wanted_, logql::kLevelLabel) == wanted_.end()) {
            row_.set_detects_level(false);
        }
    }

    /// Values in place of lines, where nothing needs lines.
    std::shared_ptr<const store::LineWants> choose_wants(const LogPlan& plan) const {
        const bool reads_labels = plan.pipeline().line_use() != logql::LineUse::kNone;
        if (sums_bytes_ || row_.detects_level() || (reads_labels && !row_.has_wanted())) {
            return plan.lines();
        }
        if (reader_ && reader_->filters.line_use() != logql::LineUse::kNone) {
            return plan.lines();
        }
        return plan.values_for(wanted_, number_label());
    }

    std::string_view number_label() const {
        const bool is_number = reader_ && reader_->conversion == logql::UnwrapConversion::kNone;
        return is_number ? std::string_view(reader_->label) : std::string_view();
    }

    /// Where nothing but the value comes from the unwrapped label, and tests of numbers, which
    /// TestedRows asks first, rows that differ in it alone go through the stages once.
    void choose_value_label(const LogPlan& plan) {
        const std::string label(number_label());
        if (label.empty() || label.ends_with(logql::kExtractedSuffix) || !row_.has_wanted() ||
            !plan.keeps_labels() || !reader_->filters.empty()) {
            return;
        }
        const std::vector<std::string>& read = *plan.pipeline().referenced_labels();
        const std::string behind = label + std::string(logql::kExtractedSuffix);
        const auto has_read = static_cast<size_t>(std::ranges::count(read, label));
        const auto is_grouped = [&](const std::string& name) {
            return std::ranges::find(grouping_->labels, name) != grouping_->labels.end();
        };
        has_tests_ = !plan.number_tests().all().empty();
        has_value_label_ = has_read == plan.number_tests().count(label) &&
                           std::ranges::find(read, behind) == read.end() && !is_grouped(label) &&
                           !is_grouped(behind);
    }

    /// Sorts the rows of a page without lines.
    void assign_classes(const store::Page& page, const LogPlan& plan) {
        tested_.test(page, *wants_, plan.number_tests(), row_);
        value_label_ = nullptr;
        size_t except = SIZE_MAX;
        if (has_value_label_) {
            const size_t index = index_of(*wants_, reader_->label);
            const bool is_given = index < page.values->labels.size();
            const auto* label = is_given ? page.values->labels[index].get() : nullptr;
            if (label != nullptr && label->quantities.size() == label->text_count) {
                value_label_ = label;
                except = index;
            }
        }
        classes_.assign(page, except);
        class_outcomes_.assign(classes_.count(), {});
    }

    Result<void> take(const store::Page& page, TimeRange range, const LogPlan& plan) {
        own_labels_.clear();
        const logql::Pipeline& pipeline = plan.pipeline();
        if (page.values) {
            assign_classes(page, plan);
        }
        uint32_t until_check = kRowsPerCheck;
        Result<void> outcome;
        const RecordBatch& batch = *page.batch;
        for_each_row({page.batch, page.rows}, [&](uint32_t i) {
            if (!outcome || !range.contains(batch.ts(i))) {
                return;
            }
            if (--until_check == 0) {
                until_check = kRowsPerCheck;
                outcome = context_.check();
                if (!outcome) {
                    return;
                }
            }
            if (page.values && tested_.of(i) == TestedRows::kFails) {
                return;
            }
            const uint32_t row_class = page.values ? classes_.of(i) : RowClasses::kAlone;
            outcome = row_class == RowClasses::kAlone
                          ? add_row(page, i, pipeline)
                          : add_of_class(page, i, pipeline, class_outcomes_[row_class]);
        });
        return outcome;
    }

    /// What became of a row, or of all rows of a class.
    struct Outcome {
        bool is_known = false;
        bool is_counted = false;
        std::optional<uint32_t> series;  ///< made when the first of the rows is in a window
        double value = 0;
        bool differs = false;    ///< each row has its own value, that of the label
        bool has_error = false;  ///< which counts for rows with a value only
    };

    Result<Outcome> process(
        const store::Page& page, uint32_t i, const logql::Pipeline& pipeline, bool for_class
    ) {
        row_.bind(*page.batch, i);
        if (page.values && page.values->has_line[i] == 0) {
            stand_in_.show(*page.values, i, *wants_, row_);
        }
        Outcome outcome{.is_known = true};
        if (!pipeline.process(row_)) {
            return outcome;
        }
        if (for_class && value_label_ != nullptr && !row_.in_base(reader_->label)) {
            outcome.is_counted = true;
            outcome.differs = true;
            outcome.has_error = row_.has_error();
            return outcome;
        }
        if (reader_) {
            const auto read = reader_->read(row_);
            if (!read) {
                return outcome;
            }
            outcome.value = *read;
        }
        if (row_.has_error()) {
            ++context_.stats().rows_matched;
            return pipeline_error();
        }
        outcome.is_counted = true;
        return outcome;
    }

    Result<void> add_row(const store::Page& page, uint32_t i, const logql::Pipeline& pipeline) {
        SEYIR_TRY(const Outcome outcome, process(page, i, pipeline, false));
        if (!outcome.is_counted) {
            return {};
        }
        ++context_.stats().rows_matched;
        const GridWindows::Steps steps = windows_.find(row_.ts().value);
        if (steps.begin == steps.end) {
            return {};
        }
        SEYIR_TRY(const uint32_t series, series_of_row());
        return count(series, row_.ts(), row_.line().size(), outcome.value, steps);
    }

    Result<void> add_of_class(
        const store::Page& page, uint32_t i, const logql::Pipeline& pipeline, Outcome& outcome
    ) {
        const uint32_t text =
            value_label_ == nullptr ? store::LineValues::kAbsent : value_label_->numbers[i];
        const bool has_quantity = text != store::LineValues::kAbsent;
        const double quantity = has_quantity ? value_label_->quantities[text - 1] : 0;
        const bool is_tested = !has_tests_ || tested_.of(i) == TestedRows::kPasses;
        if (std::isnan(quantity) || (value_label_ != nullptr && !is_tested)) {
            return add_row(page, i, pipeline);
        }
        const UnixNanos ts = page.batch->ts(i);
        const GridWindows::Steps steps = windows_.find(ts.value);
        const bool is_in_window = steps.begin != steps.end;
        bool is_bound = false;
        if (!outcome.is_known) {
            SEYIR_TRY(outcome, process(page, i, pipeline, true));
            is_bound = true;
        }
        if (outcome.differs && !has_quantity) {
            return {};
        }
        if (outcome.has_error) {
            return add_row(page, i, pipeline);
        }
        if (outcome.is_counted && is_in_window && !outcome.series) {
            if (!is_bound) {
                SEYIR_TRY(outcome, process(page, i, pipeline, true));
            }
            SEYIR_TRY(outcome.series, series_of_row());
        }
        context_.stats().rows_matched += outcome.is_counted ? 1 : 0;
        if (!outcome.is_counted || !is_in_window) {
            return {};
        }
        const double value = outcome.differs ? quantity : outcome.value;
        return count(*outcome.series, ts, 0, value, steps);
    }

    Result<void> count(
        uint32_t series, UnixNanos ts, size_t line_bytes, double value, GridWindows::Steps steps
    ) {
        Accumulator& sums = sums_[series];
        if (keeps_samples_) {
            SEYIR_CHECK(context_.hold(1));
            sums.samples.push_back({ts.value, value, ++samples_});
            return {};
        }
        ++sums.rows[steps.begin];
        --sums.rows[steps.end];
        if (sums_bytes_) {
            const auto bytes = static_cast<int64_t>(line_bytes);
            sums.bytes[steps.begin] += bytes;
            sums.bytes[steps.end] -= bytes;
        }
        return {};
    }

    Error pipeline_error() const {
        LabelKey key;
        key.assign(row_, [](const logql::Label& label) {
            return label.name != logql::kErrorLabel;
        });
        const std::string_view error = row_.get_or_empty(logql::kErrorLabel);
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "a line of {} has __error__=\"{}\", and lines with an error cannot be counted: add "
                "`| __error__=\"\"` after the parser to leave those lines out",
                to_text(key.labels()),
                error
            )
        );
    }

    /// The unwrapped label is the value, not part of the series.
    std::string_view value_label() const {
        return reader_ ? std::string_view(reader_->label) : std::string_view();
    }

    Result<uint32_t> series_of_row() {
        if (const auto known = own_labels_.find(row_)) {
            return *known;
        }
        if (!grouping_) {
            key_.assign(row_, [&](const logql::Label& label) {
                return label.name != value_label();
            });
        } else if (grouping_->without) {
            key_.assign(row_, [&](const logql::Label& label) {
                return label.name != value_label() &&
                       !std::ranges::binary_search(grouping_->labels, label.name);
            });
        } else {
            key_.assign_named(row_, grouping_->labels);
        }
        const auto [at, is_new] =
            index_.try_emplace(std::string(key_.bytes()), static_cast<uint32_t>(sums_.size()));
        if (is_new) {
            SEYIR_CHECK(context_.check_series(sums_.size() + 1));
            labels_.push_back(key_.labels());
            SEYIR_CHECK(context_.hold(samples_of(labels_.back(), request_.grid.points)));
            const size_t size = keeps_samples_ ? 0 : request_.grid.points + 1;
            sums_.push_back(
                {std::vector<int64_t>(size), std::vector<int64_t>(sums_bytes_ ? size : 0), {}}
            );
        }
        own_labels_.insert(row_, at->second);
        return at->second;
    }

    Result<Matrix> finish_samples() {
        Matrix matrix;
        for (size_t i = 0; i < sums_.size(); ++i) {
            SEYIR_CHECK(context_.check());
            SEYIR_TRY(
                auto values, aggregate_windows(node_, request_.grid, sums_[i].samples, context_)
            );
            sums_[i] = {};
            matrix.series.push_back({std::move(labels_[i]), std::move(values)});
        }
        return matrix;
    }

    Matrix finish() {
        const double seconds = static_cast<double>(node_.range_ns) / 1e9;
        const bool per_second =
            node_.op == logql::RangeOp::kRate || node_.op == logql::RangeOp::kBytesRate;
        Matrix matrix;
        for (size_t i = 0; i < sums_.size(); ++i) {
            Series series{std::move(labels_[i]), std::vector<double>(request_.grid.points)};
            int64_t rows = 0;
            int64_t bytes = 0;
            for (size_t k = 0; k < request_.grid.points; ++k) {
                rows += sums_[i].rows[k];
                bytes += sums_bytes_ ? sums_[i].bytes[k] : 0;
                const auto sum = static_cast<double>(sums_bytes_ ? bytes : rows);
                series.values[k] = rows == 0 ? kAbsent : per_second ? sum / seconds : sum;
            }
            sums_[i] = {};
            matrix.series.push_back(std::move(series));
        }
        return matrix;
    }

    const logql::RangeAggregation& node_;
    const RangeRequest& request_;
    QueryContext& context_;
    bool sums_bytes_ = false;
    bool keeps_samples_ = false;
    size_t samples_ = 0;
    std::optional<ValueReader> reader_;
    std::optional<logql::Grouping> grouping_;
    std::vector<std::string> wanted_;
    logql::ScratchRow row_;
    LabelKey key_;
    OwnLabelsCache own_labels_;
    GridWindows windows_;
    std::shared_ptr<const store::LineWants> wants_;
    RowClasses classes_;
    std::vector<Outcome> class_outcomes_;
    StandIn stand_in_;
    TestedRows tested_;
    bool has_value_label_ = false;
    bool has_tests_ = false;
    const store::LineValues::Label* value_label_ = nullptr;  ///< of the page, if rows differ in it
    std::unordered_map<std::string, uint32_t> index_;
    std::vector<LabelSet> labels_;
    std::vector<Accumulator> sums_;
};

/// absent_over_time: 1 wherever no row was, with the labels the selector pins.
Matrix absent_of(const logql::RangeAggregation& node, const Matrix& counts, size_t points) {
    Series series{{}, std::vector<double>(points, 1)};
    for (const logql::Matcher& matcher : node.log.matchers) {
        // A label the selector names twice is not pinned to one value.
        const auto named =
            std::ranges::count(node.log.matchers, matcher.name, &logql::Matcher::name);
        if (matcher.op == logql::MatchOp::kEqual && !matcher.value.empty() && named == 1) {
            series.labels.emplace_back(matcher.name, matcher.value);
        }
    }
    std::ranges::sort(series.labels);
    for (const Series& counted : counts.series) {
        for (size_t k = 0; k < points; ++k) {
            series.values[k] = is_absent(counted.values[k]) ? series.values[k] : kAbsent;
        }
    }
    Matrix matrix;
    matrix.series.push_back(std::move(series));
    return matrix;
}

}  // namespace

bool is_additive(logql::RangeOp op) {
    return op == logql::RangeOp::kCount || op == logql::RangeOp::kRate ||
           op == logql::RangeOp::kBytes || op == logql::RangeOp::kBytesRate ||
           op == logql::RangeOp::kSum;
}

TimeRange scanned_range(const logql::RangeAggregation& node, const Grid& grid) {
    const Wide last = Wide(grid.start_ns) + Wide(grid.points - 1) * grid.step_ns;
    return {
        {saturate(Wide(grid.start_ns) - node.offset_ns - node.range_ns + 1)},
        {saturate(last - node.offset_ns + 1)},
    };
}

Result<Matrix> run_range_aggregation(
    store::LogStore& store,
    const logql::RangeAggregation& node,
    const RangeRequest& request,
    QueryContext& context
) {
    const bool absent = node.op == logql::RangeOp::kAbsent;
    SEYIR_TRY(const auto plan, LogPlan::make(request.text, node.log));
    RangeRequest counted = request;
    if (absent) {
        counted.sum_into = logql::Grouping{};
    } else {
        SEYIR_TRY(auto by_volume, run_by_volume(store, plan, node, counted, context));
        if (by_volume) {
            drop_empty(*by_volume);
            return *std::move(by_volume);
        }
    }
    SEYIR_TRY(Matrix matrix, RangeScan(node, counted, context).run(store, plan));
    if (absent) {
        matrix = absent_of(node, matrix, request.grid.points);
    }
    drop_empty(matrix);
    return matrix;
}

}  // namespace seyir::query
