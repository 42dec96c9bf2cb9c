// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/modify/modify_filter.hpp"

#include <algorithm>
#include <utility>

#include "plugins/filter/modify/operation.hpp"

namespace seyir::plugins {
namespace {

using component::FilterPlanPtr;
using component::PlanContext;
using component::RunContext;

/// Operations that run on the same rows: the first may have a condition, the others have none.
struct Group {
    std::optional<Condition> condition;
    std::vector<OperationPtr> operations;
    bool is_about_attributes = true;
};

class ModifyFilter final : public pipeline::Filter {
  public:
    ModifyFilter(const std::vector<PlannedOperation>& planned, metrics::Counter& errors)
        : errors_(errors) {
        for (const PlannedOperation& one : planned) {
            if (groups_.empty() || one.condition) {
                groups_.push_back({.condition = one.condition});
            }
            Group& group = groups_.back();
            group.operations.push_back(one.make());
            may_fail_ = may_fail_ || group.operations.back()->may_fail();
            group.is_about_attributes =
                group.is_about_attributes && group.operations.back()->is_about_attributes();
        }
    }

    bool never_fails() const override { return true; }

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        BatchEditor edit(std::move(view));
        failures_.clear();
        failed_.assign(edit.row_count(), 0);
        save_originals(edit);
        for (Group& group : groups_) {
            run(group, edit);
        }
        for (uint32_t row = 0; !failures_.empty() && row < failed_.size(); ++row) {
            if (failed_[row] != 0) {
                restore(edit, row);
            }
        }
        emit(std::move(edit).finish(), sink);
        return {};
    }

  private:
    struct Failure {
        const Operation* operation = nullptr;
        std::string_view code;
        std::string message;  ///< of the first record
        std::vector<uint32_t> rows;
    };

    void save_originals(const BatchEditor& edit) {
        originals_.clear();
        for (size_t i = 0; may_fail_ && i < edit.row_count(); ++i) {
            originals_.push_back(edit.batch().row(i));
        }
    }

    void run(Group& group, BatchEditor& edit) {
        // Not an owner: the editor keeps the batch alive, and match() does not keep the view.
        const RecordBatchPtr borrowed(RecordBatchPtr{}, &edit.batch());
        BatchView view{borrowed, {}};
        if (group.condition) {
            uint64_t errors = 0;
            view.rows = group.condition->match(view, errors);
            errors_.add(errors);
            if (view.row_count() == 0) {
                return;
            }
        }
        // Twice, so that fields of one operation find names that another one adds.
        for (int pass = 0; pass < 2; ++pass) {
            for (const OperationPtr& operation : group.operations) {
                operation->bind(edit.batch());
            }
        }
        RowEdit row{.edit = edit, .attrs = std::move(attrs_)};
        std::optional<AttrRange> shared;
        AttrRange shared_after;
        for_each_row(view, [&](uint32_t i) {
            if (failed_[i] != 0) {
                return;
            }
            const AttrRange before = edit.batch().attr_range(i);
            if (shared == before) {
                edit.set_attrs(i, shared_after);
                return;
            }
            row.row = i;
            const bool is_done = apply(group, row);
            shared = is_done && group.is_about_attributes ? std::optional(before) : std::nullopt;
            shared_after = edit.batch().attr_range(i);
        });
        attrs_ = std::move(row.attrs);
    }

    bool apply(Group& group, RowEdit& row) {
        const auto attrs = row.batch().attrs(row.row);
        row.attrs.assign(attrs.begin(), attrs.end());
        row.has_changed_attrs = false;
        for (const OperationPtr& operation : group.operations) {
            if (!operation->apply(row)) {
                note_failure(*operation, row);
                return false;
            }
        }
        if (row.has_changed_attrs) {
            row.edit.set_attrs(row.row, row.attrs);
        }
        return true;
    }

    void note_failure(const Operation& operation, RowEdit& row) {
        failed_[row.row] = 1;
        for (Failure& failure : failures_) {
            if (failure.operation == &operation && failure.code == row.code) {
                failure.rows.push_back(row.row);
                return;
            }
        }
        failures_.push_back({&operation, row.code, std::move(row.why), {row.row}});
    }

    void restore(BatchEditor& edit, uint32_t row) const {
        const Row& original = originals_[row];
        edit.set_body(row, original.body);
        edit.set_ts(row, original.ts);
        edit.set_observed(row, original.observed);
        edit.set_stream(row, original.stream);
        edit.set_severity(row, original.severity);
        edit.set_trace(row, original.trace);
        edit.set_attrs(row, original.attrs);
    }

    void emit(BatchView view, pipeline::FilterSink& sink) {
        if (failures_.empty()) {
            sink.emit(std::move(view));
            return;
        }
        for (Failure& failure : failures_) {
            std::ranges::sort(failure.rows);  // a later group may have added to it
            sink.fail(
                {view.batch, Selection::of(std::move(failure.rows))}, failure.code, failure.message
            );
        }
        std::vector<uint32_t> good;
        for (uint32_t i = 0; i < failed_.size(); ++i) {
            if (failed_[i] == 0) {
                good.push_back(i);
            }
        }
        if (!good.empty()) {
            sink.emit({view.batch, Selection::of(std::move(good))});
        }
    }

    std::vector<Group> groups_;
    metrics::Counter& errors_;
    bool may_fail_ = false;
    // Of one batch; kept for their memory.
    std::vector<Row> originals_;
    std::vector<uint8_t> failed_;
    std::vector<Failure> failures_;
    std::vector<Attr> attrs_;
};

class ModifyPlan final : public component::FilterPlan {
  public:
    explicit ModifyPlan(std::vector<PlannedOperation> planned) : planned_(std::move(planned)) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const RunContext& context) override {
        return std::unique_ptr<pipeline::Filter>(
            std::make_unique<ModifyFilter>(planned_, condition_errors(context))
        );
    }

  private:
    std::vector<PlannedOperation> planned_;
};

FilterPlanPtr plan(const config::ObjectReader& r, PlanContext& context) {
    const size_t errors = context.diagnostics.error_count();
    auto planned = plan_operations(r, context);
    if (context.diagnostics.error_count() != errors) {
        return nullptr;
    }
    return std::make_shared<ModifyPlan>(std::move(planned));
}

}  // namespace

component::FilterType modify_filter_type() {
    static const auto schema = std::make_shared<const config::Schema>(
        config::Schema("modify", "Sets, renames, removes and converts parts of records.")
            .example_id("tidy")
            .elsewhere("Vector", {"remap"})
            .elsewhere("Fluent Bit", {"record_modifier"})
            .elsewhere("Filebeat", {"add_fields", "rename", "drop_fields", "convert"})
            .with(config::list_of("operations", config::object("", operation_schema()))
                      .required()
                      .between(1, 100)
                      .describe("What is done, in this order.")
                      .show("[{ set: environment, to: production }]")
                      .elsewhere("Fluent Bit", {"rules"}))
            .with(component::on_error_field("keep"))
    );
    return {.schema = schema, .plan = plan};
}

}  // namespace seyir::plugins
