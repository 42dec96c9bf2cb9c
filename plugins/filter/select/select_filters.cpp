// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/select/select_filters.hpp"

#include <utility>

#include "plugins/filter/field/condition.hpp"

namespace seyir::plugins {
namespace {

using component::FilterPlan;
using component::FilterPlanPtr;
using component::FilterType;
using component::PlanContext;
using component::RunContext;

void emit_chosen(BatchView view, Selection rows, pipeline::FilterSink& sink) {
    if (rows.count(view.batch->row_count()) != 0) {
        sink.emit({std::move(view.batch), std::move(rows)});
    }
}

class DropFilter final : public pipeline::Filter {
  public:
    DropFilter(Condition condition, metrics::Counter& errors)
        : condition_(std::move(condition)), errors_(errors) {}

    bool never_fails() const override { return true; }

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        uint64_t errors = 0;
        const Selection matched = condition_.match(view, errors);
        errors_.add(errors);
        const size_t count = matched.count(view.batch->row_count());
        if (count != 0) {
            sink.drop("matched", static_cast<uint32_t>(count));
        }
        if (count != view.row_count()) {
            Selection rest = rest_of(view, matched);
            emit_chosen(std::move(view), std::move(rest), sink);
        }
        return {};
    }

  private:
    Condition condition_;
    metrics::Counter& errors_;
};

class KeepFilter final : public pipeline::Filter {
  public:
    KeepFilter(Condition condition, metrics::Counter& errors)
        : condition_(std::move(condition)), errors_(errors) {}

    bool never_fails() const override { return true; }

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        uint64_t errors = 0;
        Selection matched = condition_.match(view, errors);
        errors_.add(errors);
        const size_t rest = view.row_count() - matched.count(view.batch->row_count());
        if (errors != 0) {
            sink.drop("condition_error", static_cast<uint32_t>(errors));
        }
        if (rest > errors) {
            sink.drop("not_matched", static_cast<uint32_t>(rest - errors));
        }
        emit_chosen(std::move(view), std::move(matched), sink);
        return {};
    }

  private:
    Condition condition_;
    metrics::Counter& errors_;
};

template <class FilterClass>
class SelectPlan final : public FilterPlan {
  public:
    explicit SelectPlan(Condition condition) : condition_(std::move(condition)) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const RunContext& context) override {
        return std::unique_ptr<pipeline::Filter>(
            std::make_unique<FilterClass>(condition_, condition_errors(context))
        );
    }

  private:
    Condition condition_;
};

template <class FilterClass>
FilterPlanPtr plan(const config::ObjectReader& r, PlanContext& context) {
    auto condition = Condition::read(r, "if", context);
    if (!condition) {
        return nullptr;
    }
    return std::make_shared<SelectPlan<FilterClass>>(std::move(*condition));
}

}  // namespace

FilterType drop_filter_type() {
    static const auto schema = std::make_shared<const config::Schema>(
        config::Schema("drop", "Ends records that a condition selects.")
            .example_id("no_debug")
            .elsewhere("Filebeat", {"drop_event"})
            .with(condition_field("if").required().describe(
                "The records that end here, as LogQL: an optional selector on stream labels, then "
                "stages. A record the condition cannot be evaluated on goes on."
            ))
    );
    return {.schema = schema, .plan = plan<DropFilter>};
}

FilterType keep_filter_type() {
    static const auto schema = std::make_shared<const config::Schema>(
        config::Schema("keep", "Lets only records pass that a condition selects.")
            .example_id("only_errors")
            .elsewhere("Vector", {"filter"})
            .elsewhere("Fluent Bit", {"grep"})
            .with(condition_field("if").required().describe(
                "The records that go on, as LogQL: an optional selector on stream labels, then "
                "stages. A record the condition cannot be evaluated on ends here, counted."
            ))
    );
    return {.schema = schema, .plan = plan<KeepFilter>};
}

}  // namespace seyir::plugins
