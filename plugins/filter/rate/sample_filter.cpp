// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/rate/sample_filter.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "common/record/batch_editor.hpp"
#include "plugins/filter/field/condition.hpp"
#include "plugins/filter/field/row_key.hpp"

namespace seyir::plugins {
namespace {

using component::FilterPlanPtr;
using component::PlanContext;
using component::RunContext;

struct SampleShared {
    uint64_t one_in = 1;
    std::vector<FieldRef> by;
    std::string attribute;  ///< "" = none
    std::optional<Condition> always_keep;
    mutable std::atomic<uint64_t> turn{0};
};

class SampleFilter final : public pipeline::Filter {
  public:
    SampleFilter(std::shared_ptr<const SampleShared> shared, const RunContext& context)
        : shared_(std::move(shared)),
          keys_of_(shared_->by, false),
          condition_errors_(condition_errors(context)) {}

    bool never_fails() const override { return true; }

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        Selection always = Selection::of({});
        if (shared_->always_keep) {
            uint64_t errors = 0;
            always = shared_->always_keep->match(view, errors);
            condition_errors_.add(errors);
        }
        const size_t before = view.row_count();
        Selection kept = choose(view, always);
        if (kept.rows.size() < before) {
            sink.drop("sampled", static_cast<uint32_t>(before - kept.rows.size()));
        }
        if (kept.rows.empty()) {
            return {};
        }
        const bool is_marked = std::ranges::any_of(marks_, [](uint8_t mark) { return mark != 0; });
        BatchView chosen{std::move(view.batch), std::move(kept)};
        sink.emit(
            shared_->attribute.empty() || !is_marked ? std::move(chosen) : mark(std::move(chosen))
        );
        return {};
    }

  private:
    /// Rows that pass; marks_ has 1 for those that stand for others too.
    Selection choose(const BatchView& view, const Selection& always) {
        const RecordBatch& batch = *view.batch;
        keys_of_.bind(batch);
        marks_.clear();
        std::vector<uint32_t> kept;
        size_t next = 0;
        for_each_row(view, [&](uint32_t i) {
            const bool is_always =
                always.all || (next < always.rows.size() && always.rows[next] == i);
            next += is_always && !always.all ? 1 : 0;
            if (is_always || is_chosen(batch, i)) {
                kept.push_back(i);
                marks_.push_back(is_always ? 0 : 1);
            }
        });
        return Selection::of(std::move(kept));
    }

    bool is_chosen(const RecordBatch& batch, uint32_t row) {
        if (!shared_->by.empty()) {
            bool has_any = false;
            const RowKey key = keys_of_.of(batch, row, has_any);
            if (has_any) {
                return key.hi % shared_->one_in == 0;
            }
        }
        return shared_->turn.fetch_add(1, std::memory_order_relaxed) % shared_->one_in == 0;
    }

    BatchView mark(BatchView view) {
        BatchEditor edit(std::move(view));
        const KeyIndex key = edit.batch().add_key(shared_->attribute);
        const Attr rate(key, Value::integer(static_cast<int64_t>(shared_->one_in)));
        std::vector<Attr> attrs;
        std::optional<AttrRange> before;
        AttrRange after;
        for (size_t i = 0; i < edit.row_count(); ++i) {
            const AttrRange range = edit.batch().attr_range(i);
            if (marks_[i] == 0) {
                continue;
            }
            if (before != range) {
                const auto old = edit.batch().attrs(i);
                attrs.assign(old.begin(), old.end());
                std::erase_if(attrs, [&](const Attr& attr) { return attr.key == key; });
                attrs.push_back(rate);
                before = range;
                after = edit.batch().add_attrs(attrs);
            }
            edit.set_attrs(i, after);
        }
        return std::move(edit).finish();
    }

    std::shared_ptr<const SampleShared> shared_;
    RowKeys keys_of_;
    metrics::Counter& condition_errors_;
    std::vector<uint8_t> marks_;
};

class SamplePlan final : public component::FilterPlan {
  public:
    explicit SamplePlan(std::shared_ptr<const SampleShared> shared) : shared_(std::move(shared)) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const RunContext& context) override {
        return std::unique_ptr<pipeline::Filter>(std::make_unique<SampleFilter>(shared_, context));
    }

  private:
    std::shared_ptr<const SampleShared> shared_;
};

FilterPlanPtr plan(const config::ObjectReader& r, PlanContext& context) {
    const size_t errors = context.diagnostics.error_count();
    auto shared = std::make_shared<SampleShared>();
    shared->one_in = static_cast<uint64_t>(r.integer("one_in"));
    shared->by = read_fields(r, "by", context);
    shared->attribute = r.string("attribute");
    shared->always_keep = Condition::read(r, "always_keep", context);
    if (context.diagnostics.error_count() != errors) {
        return nullptr;
    }
    return std::make_shared<SamplePlan>(std::move(shared));
}

}  // namespace

component::FilterType sample_filter_type() {
    using config::Type;
    static const auto schema = std::make_shared<const config::Schema>(
        config::Schema("sample", "Lets one record in N pass.")
            .example_id("some")
            .elsewhere("promtail", {"sampling"})
            .with(config::field("one_in", Type::kInt)
                      .required()
                      .between(1, 1'000'000'000)
                      .describe("One record in so many passes.")
                      .show("10")
                      .elsewhere("Vector", {"rate"})
                      .elsewhere("promtail", {"rate"}))
            .with(config::list_of("by", config::field("", Type::kString))
                      .between(0, 16)
                      .describe("Fields whose values decide together: all records with the same "
                                "values pass, or none, on every host alike. A record that has none "
                                "of them takes its turn. None: every record takes its turn.")
                      .or_else("[]")
                      .show("[trace_id]")
                      .elsewhere("Vector", {"key_field"}))
            .with(condition_field("always_keep")
                      .describe("Records this LogQL condition selects pass always, uncounted.")
                      .elsewhere("Vector", {"exclude"}))
            .with(config::field("attribute", Type::kString)
                      .may_be_empty()
                      .between(0, 128)
                      .describe("The attribute in which a sampled record tells `one_in`, so that "
                                "counts can be scaled. Empty: none, and batches are not copied.")
                      .or_else("sample_rate")
                      .elsewhere("Vector", {"sample_rate_key"}))
    );
    return {.schema = schema, .plan = plan};
}

}  // namespace seyir::plugins
