// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/log_to_metric/log_to_metric_filter.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/logql/stage/scratch_row.hpp"
#include "plugins/filter/field/condition.hpp"
#include "plugins/filter/field/convert.hpp"
#include "plugins/filter/log_to_metric/series.hpp"

namespace seyir::plugins {
namespace {

using component::FilterPlanPtr;
using component::PlanContext;
using component::RunContext;
using config::ObjectReader;

constexpr size_t kLabelBytesMax = 1024;
constexpr size_t kBucketsMax = 100;

struct LogToMetricOptions {
    std::optional<Condition> condition;
    std::optional<FieldRef> value;
    ConvertTo unit = ConvertTo::kDouble;
    std::vector<FieldRef> labels;
    std::shared_ptr<SeriesSet> series;
};

using OptionsPtr = std::shared_ptr<const LogToMetricOptions>;

class LogToMetricFilter final : public pipeline::Filter {
  public:
    LogToMetricFilter(OptionsPtr options, const RunContext& context)
        : options_(std::move(options)),
          registry_(context.registry),
          keys_of_(options_->labels, false),
          value_(options_->value.value_or(FieldRef{})),
          values_(options_->labels.size()),
          other_(options_->series->other(context.registry)),
          condition_errors_(condition_errors(context)),
          value_errors_(context.registry.counter(
              "seyir_filter_metric_value_errors_total",
              "Records whose value is no number the metric can take.",
              {{"filter", context.id}}
          )),
          overflows_(context.registry.counter(
              "seyir_filter_metric_overflow_total",
              "Records counted as `other`: too many series, or label values too long.",
              {{"filter", context.id}}
          )) {
        for (const FieldRef& label : options_->labels) {
            labels_.emplace_back(label);
        }
    }

    bool never_fails() const override { return true; }

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        uint64_t errors = 0;
        const auto& condition = options_->condition;
        const BatchView chosen{view.batch, condition ? condition->match(view, errors) : view.rows};
        condition_errors_.add(errors);
        keys_of_.bind(*view.batch);
        value_.bind(*view.batch);
        for (BoundField& label : labels_) {
            label.bind(*view.batch);
        }
        for_each_row(chosen, [&](uint32_t i) { count(*view.batch, i); });
        sink.emit(std::move(view));
        return {};
    }

  private:
    void count(const RecordBatch& batch, uint32_t row) {
        double amount = 1;
        if (options_->value) {
            const auto number = value_of(batch, row);
            if (!number) {
                value_errors_.add();
                return;
            }
            amount = *number;
        }
        const Instrument to = find(batch, row);
        if (to.histogram != nullptr) {
            to.histogram->observe(amount);
        } else if (to.gauge != nullptr) {
            to.gauge->set(amount);
        } else if (amount >= 0 && amount <= 0x1p53 && amount == std::trunc(amount)) {
            to.counter->add(static_cast<uint64_t>(amount));
        } else {
            value_errors_.add();
        }
    }

    std::optional<double> value_of(const RecordBatch& batch, uint32_t row) {
        Value from;
        if (const Value* attribute = value_.attribute(batch.attrs(row))) {
            from = *attribute;
        } else if (const auto text = value_.text(batch, row, text_)) {
            from = Value::string(*text);
        } else {
            return std::nullopt;
        }
        if (from.kind() == ValueKind::kInt) {
            return static_cast<double>(from.as_int());
        }
        Value out;
        if (!convert(from, options_->unit, unused_, scratch_, out)) {
            return std::nullopt;
        }
        const double number =
            out.kind() == ValueKind::kInt ? static_cast<double>(out.as_int()) : out.as_double();
        return std::isfinite(number) ? std::optional(number) : std::nullopt;
    }

    Instrument find(const RecordBatch& batch, uint32_t row) {
        if (labels_.empty()) {
            return other_;
        }
        const RowKey key = keys_of_.of(batch, row);
        if (const auto at = known_.find(key); at != known_.end()) {
            return at->second;
        }
        for (size_t i = 0; i < labels_.size(); ++i) {
            const auto text = labels_[i].text(batch, row, scratch_).value_or("");
            if (text.size() > kLabelBytesMax || !is_utf8(text)) {
                overflows_.add();
                return other_;
            }
            values_[i] = text;
        }
        bool is_other = false;
        const Instrument found = options_->series->find(registry_, key, values_, is_other);
        overflows_.add(is_other ? 1 : 0);
        if (!is_other) {
            known_.emplace(key, found);
        }
        return found;
    }

    OptionsPtr options_;
    metrics::Registry& registry_;
    RowKeys keys_of_;
    BoundField value_;
    std::vector<BoundField> labels_;
    std::vector<std::string> values_;
    std::unordered_map<RowKey, Instrument> known_;  // at most max_series
    Instrument other_;
    metrics::Counter& condition_errors_;
    metrics::Counter& value_errors_;
    metrics::Counter& overflows_;
    Arena unused_;  // conversions to numbers need none
    std::string scratch_;
    std::string text_;
};

class LogToMetricPlan final : public component::FilterPlan {
  public:
    explicit LogToMetricPlan(OptionsPtr options) : options_(std::move(options)) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const RunContext& context) override {
        SEYIR_CHECK(options_->series->open(context.registry));
        return std::unique_ptr<pipeline::Filter>(
            std::make_unique<LogToMetricFilter>(options_, context)
        );
    }

  private:
    OptionsPtr options_;
};

std::vector<double> read_buckets(const ObjectReader& r, PlanContext& context) {
    std::vector<double> buckets;
    const std::vector<std::string> texts = r.strings("buckets");
    for (size_t i = 0; i < texts.size(); ++i) {
        double bound = 0;
        const char* end = texts[i].data() + texts[i].size();
        const auto [at, error] = std::from_chars(texts[i].data(), end, bound);
        const bool is_number = error == std::errc{} && at == end && std::isfinite(bound);
        if (!is_number || (!buckets.empty() && bound <= buckets.back())) {
            context.diagnostics.add(
                {.code = config::kNotAllowed,
                 .at = r.item_span("buckets", i),
                 .message = is_number ? fmt::format("`{}` is not above the bound before", texts[i])
                                      : fmt::format("`{}` is no number", texts[i]),
                 .hint = "upper bounds, ascending; the last bucket, +Inf, is always there"}
            );
            break;
        }
        buckets.push_back(bound);
    }
    return buckets;
}

std::vector<std::string> label_names(
    const ObjectReader& r, PlanContext& context, const std::vector<FieldRef>& fields
) {
    std::vector<std::string> names;
    const std::vector<std::string> texts = r.strings("labels");
    for (size_t i = 0; i < fields.size(); ++i) {
        std::string name;
        const bool has_name = !fields[i].name.empty();
        logql::append_label_name(name, has_name ? fields[i].name : texts[i], true);
        const bool is_taken =
            std::ranges::find(names, name) != names.end() || name == "le" || !is_label_name(name);
        if (is_taken) {
            context.diagnostics.add(
                {.code = config::kNotAllowed,
                 .at = r.item_span("labels", i),
                 .message = fmt::format("`{}` cannot be a label of this metric", name),
                 .hint = name == "le" ? "histograms use it themselves"
                                      : "two fields have this label name; `modify` can rename one"}
            );
        }
        names.push_back(std::move(name));
    }
    return names;
}

void check(const ObjectReader& r, PlanContext& context, const MetricOptions& metric) {
    if (auto good = check_metric_name(metric.name); !good) {
        component::add_value_error(context, r, "name", config::kBadName, good.error());
    }
    const bool has_control = std::ranges::any_of(metric.help, [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == '\\';
    });
    if (has_control || !is_utf8(metric.help)) {
        context.diagnostics.add(
            {.code = config::kNotAllowed,
             .at = r.span("help"),
             .message = "`help` is one line without backslashes"}
        );
    }
    if (metric.kind != MetricKind::kCounter && !r.has("value")) {
        context.diagnostics.add(
            {.code = config::kMissingKey,
             .at = r.span("kind"),
             .message = fmt::format("a {} needs `value`", r.string("kind")),
             .hint = "add the field that holds the number"}
        );
    }
}

FilterPlanPtr plan(const ObjectReader& r, PlanContext& context) {
    const size_t errors = context.diagnostics.error_count();
    auto options = std::make_shared<LogToMetricOptions>();
    options->condition = Condition::read(r, "if", context);
    options->labels = read_fields(r, "labels", context);
    options->unit = r.choice<ConvertTo>(
        "unit",
        {{"number", ConvertTo::kDouble},
         {"duration", ConvertTo::kDuration},
         {"bytes", ConvertTo::kBytes}}
    );
    MetricOptions metric;
    metric.kind = r.choice<MetricKind>(
        "kind",
        {{"counter", MetricKind::kCounter},
         {"gauge", MetricKind::kGauge},
         {"histogram", MetricKind::kHistogram}}
    );
    metric.name = r.string("name");
    metric.help = r.has("help") ? r.string("help") : "Made from records by filter " + context.id;
    metric.series_max = static_cast<size_t>(r.integer("max_series"));
    metric.buckets = r.has("buckets") ? read_buckets(r, context) : metrics::latency_buckets();
    if (r.has("value")) {
        auto value = FieldRef::parse(r.string("value"));
        if (value) {
            options->value = std::move(*value);
        } else {
            component::add_value_error(context, r, "value", config::kBadName, value.error());
        }
    }
    check(r, context, metric);
    if (context.diagnostics.error_count() == errors) {
        metric.label_names = label_names(r, context, options->labels);
    }
    if (context.diagnostics.error_count() != errors) {
        return nullptr;
    }
    options->series = std::make_shared<SeriesSet>(std::move(metric));
    return std::make_shared<LogToMetricPlan>(std::move(options));
}

config::Schema value_fields(config::Schema schema) {
    using config::Type;
    return schema
        .with(config::field("value", Type::kString)
                  .describe("The field that holds the number: what a counter adds (whole, not "
                            "negative; without it: 1), a gauge is set to, a histogram observes.")
                  .show("duration_ms")
                  .elsewhere("Vector", {"field"})
                  .elsewhere("promtail", {"source"}))
        .with(config::field("unit", Type::kEnum)
                  .choice("number", "a number")
                  .choice("duration", "a number of seconds, or a text such as 250ms; in seconds")
                  .choice("bytes", "a number of bytes, or a text such as 42MiB; in bytes")
                  .describe("How `value` is read.")
                  .or_else("number"))
        .with(config::list_of("buckets", config::field("", Type::kString))
                  .between(1, kBucketsMax)
                  .describe("Upper bounds of a histogram's buckets, ascending.")
                  .or_else_described("0.5 ms to 10 s, for latencies")
                  .show("[0.1, 0.5, 1, 5]"));
}

}  // namespace

component::FilterType log_to_metric_filter_type() {
    using config::Type;
    static const auto schema = std::make_shared<const config::Schema>(value_fields(
        config::Schema("log_to_metric", "A counter, gauge or histogram from records.")
            .example_id("requests")
            .elsewhere("Fluent Bit", {"log_to_metrics"})
            .elsewhere("promtail", {"metrics"})
            .with(config::field("name", Type::kString)
                      .required()
                      .describe("The metric's name at /metrics, exactly as written.")
                      .show("http_requests_total")
                      .elsewhere("Fluent Bit", {"metric_name"}))
            .with(config::field("kind", Type::kEnum)
                      .choice("counter", "only grows")
                      .choice("gauge", "the last value")
                      .choice("histogram", "how values are distributed")
                      .describe("What is made of the records.")
                      .or_else("counter")
                      .elsewhere("Fluent Bit", {"metric_mode"}))
            .with(config::field("help", Type::kString)
                      .between(0, 500)
                      .describe("The metric's help text.")
                      .or_else_described("the filter's id")
                      .elsewhere("Fluent Bit", {"metric_description"}))
            .with(condition_field("if").describe(
                "Only records this LogQL condition selects are counted; all pass."
            ))
            .with(config::list_of("labels", config::field("", Type::kString))
                      .between(0, 16)
                      .describe("Fields whose values are labels of the metric; a field that is "
                                "absent gives an empty label.")
                      .or_else("[]")
                      .show("[method, labels.service_name]")
                      .elsewhere("Vector", {"tags"})
                      .elsewhere("Fluent Bit", {"label_field"}))
            .with(config::field("max_series", Type::kInt)
                      .between(1, 100'000)
                      .describe("Series beyond it become one, with all labels `other`; counted.")
                      .or_else("1000"))
    ));
    return {.schema = schema, .plan = plan};
}

}  // namespace seyir::plugins
