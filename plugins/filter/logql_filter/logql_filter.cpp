// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/logql_filter/logql_filter.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/logql/parser.hpp"
#include "common/logql/route_matcher.hpp"
#include "common/record/batch_editor.hpp"
#include "plugins/filter/field/condition.hpp"

namespace seyir::plugins {
namespace {

using component::FilterPlanPtr;
using component::PlanContext;
using component::RunContext;

constexpr size_t kLineBytesMax = 1024 * 1024;
// New lines of one batch: short lines can be made long by a template.
constexpr size_t kBatchTextBytesMax = 64 * 1024 * 1024;

struct Query {
    logql::StreamMatcher streams;
    logql::Pipeline pipeline;
};

class LogqlFilter final : public pipeline::Filter {
  public:
    explicit LogqlFilter(std::shared_ptr<const Query> query) : query_(std::move(query)) {}

    bool never_fails() const override { return true; }

    Result<void> process(BatchView view, pipeline::FilterSink& sink) override {
        kept_.clear();
        failures_.clear();
        changes_.clear();
        texts_.clear();
        attrs_.clear();
        const size_t rows = view.row_count();
        run(view);
        size_t failed = 0;
        for (Failure& failure : failures_) {
            failed += failure.rows.size();
            sink.fail(
                {view.batch, Selection::of(std::move(failure.rows))}, "logql_error", failure.message
            );
        }
        if (const size_t dropped = rows - kept_.size() - failed; dropped != 0) {
            sink.drop("not_matched", static_cast<uint32_t>(dropped));
        }
        if (kept_.empty()) {
            return {};
        }
        Selection chosen = kept_.size() == rows ? view.rows : Selection::of(std::move(kept_));
        BatchView out{std::move(view.batch), std::move(chosen)};
        sink.emit(changes_.empty() ? std::move(out) : change(std::move(out)));
        return {};
    }

  private:
    /// What the stages made of one of the kept rows.
    struct Change {
        size_t row = 0;  ///< among the kept ones
        bool has_line = false;
        size_t line_begin = 0;  ///< in texts_
        size_t line_bytes = 0;
        bool has_attrs = false;
        size_t attrs_begin = 0;  ///< in attrs_
        size_t attrs_count = 0;
    };

    struct Failure {
        std::string message;
        std::vector<uint32_t> rows;
    };

    void run(const BatchView& view) {
        const RecordBatch& batch = *view.batch;
        wanted_.assign(batch.streams().size(), 0);
        std::ranges::transform(batch.streams(), wanted_.begin(), [&](const StreamLabelsPtr& one) {
            return static_cast<uint8_t>(query_->streams.matches(*one));
        });
        for_each_row(view, [&](uint32_t i) {
            if (wanted_[batch.stream(i)] == 0) {
                return;
            }
            row_.bind(batch, i);
            if (!query_->pipeline.process(row_)) {
                return;
            }
            if (row_.line().size() > kLineBytesMax) {
                row_.set_error("LineTooLong", fmt::format("limit {} bytes", kLineBytesMax));
            } else if (texts_.size() + row_.line().size() > kBatchTextBytesMax) {
                row_.set_error(
                    "BatchTooLarge",
                    fmt::format("lines of one batch, limit {} bytes", kBatchTextBytesMax)
                );
            }
            if (row_.has_error()) {
                note_failure(i);
                return;
            }
            kept_.push_back(i);
            note_change(batch, i);
        });
    }

    void note_failure(uint32_t i) {
        const std::string_view error = row_.get_or_empty(logql::kErrorLabel);
        for (Failure& failure : failures_) {
            if (failure.message.starts_with(error)) {
                failure.rows.push_back(i);
                return;
            }
        }
        failures_.push_back(
            {fmt::format("{}: {}", error, row_.get_or_empty(logql::kErrorDetailsLabel)), {i}}
        );
    }

    void note_change(const RecordBatch& batch, uint32_t i) {
        Change change{.row = kept_.size() - 1};
        const Slice before = batch.body(i);
        const std::string_view after = row_.line();
        if (after.data() != before.data() || after.size() != before.size()) {
            change.has_line = after != before;
            change.line_begin = texts_.size();
            change.line_bytes = after.size();
            texts_ += change.has_line ? after : std::string_view{};
        }
        if (row_.has_removed()) {
            const auto attrs = batch.attrs(i);
            change.attrs_begin = attrs_.size();
            std::ranges::copy_if(attrs, std::back_inserter(attrs_), [&](const Attr& attr) {
                return !row_.is_removed_attr(attr);
            });
            change.attrs_count = attrs_.size() - change.attrs_begin;
            change.has_attrs = change.attrs_count != attrs.size();
        }
        if (change.has_line || change.has_attrs) {
            changes_.push_back(change);
        }
    }

    BatchView change(BatchView view) {
        BatchEditor edit(std::move(view));
        const Slice texts = edit.batch().arena().copy(texts_);
        for (const Change& change : changes_) {
            if (change.has_line) {
                edit.set_body(change.row, texts.substr(change.line_begin, change.line_bytes));
            }
            if (change.has_attrs) {
                edit.set_attrs(
                    change.row, std::span(attrs_).subspan(change.attrs_begin, change.attrs_count)
                );
            }
        }
        return std::move(edit).finish();
    }

    std::shared_ptr<const Query> query_;
    logql::ScratchRow row_;
    // Of one batch; kept for their memory.
    std::vector<uint8_t> wanted_;
    std::vector<uint32_t> kept_;
    std::vector<Failure> failures_;
    std::vector<Change> changes_;
    std::string texts_;
    std::vector<Attr> attrs_;
};

class LogqlPlan final : public component::FilterPlan {
  public:
    explicit LogqlPlan(std::shared_ptr<const Query> query) : query_(std::move(query)) {}

    Result<std::unique_ptr<pipeline::Filter>> instantiate(const RunContext& /*context*/) override {
        return std::unique_ptr<pipeline::Filter>(std::make_unique<LogqlFilter>(query_));
    }

  private:
    std::shared_ptr<const Query> query_;
};

Result<std::shared_ptr<const Query>> compile(const std::string& text) {
    // The same checks as conditions have (attributes inside braces), with their messages.
    SEYIR_CHECK(logql::RouteMatcher::compile(text));
    SEYIR_TRY(const logql::LogExpr log, logql::parse_condition(text));
    auto query = std::make_shared<Query>();
    SEYIR_TRY(query->streams, logql::StreamMatcher::compile(log.matchers));
    SEYIR_TRY(query->pipeline, logql::Pipeline::compile(text, log.stages));
    return std::shared_ptr<const Query>(std::move(query));
}

FilterPlanPtr plan(const config::ObjectReader& r, PlanContext& context) {
    const std::string text = r.string("query");
    if (text.empty() || context.diagnostics.is_broken(r.span("query"))) {
        return nullptr;
    }
    auto query = compile(text);
    if (!query) {
        component::add_value_error(context, r, "query", config::kBadMatch, query.error());
        return nullptr;
    }
    return std::make_shared<LogqlPlan>(std::move(*query));
}

}  // namespace

component::FilterType logql_filter_type() {
    static const auto schema = std::make_shared<const config::Schema>(
        config::Schema("logql", "A LogQL log query on records as they pass.")
            .example_id("short")
            .with(config::field("query", config::Type::kString)
                      .required()
                      .describe("An optional selector and stages. Records that do not match end "
                                "here; `line_format` writes the line anew; `drop` and `keep` take "
                                "attributes away; labels that parsers extract are not kept.")
                      .show("'| json | status >= 500 | line_format \"{{.path}} {{.status}}\"'"))
            .with(component::on_error_field("keep"))
    );
    return {.schema = schema, .plan = plan};
}

}  // namespace seyir::plugins
