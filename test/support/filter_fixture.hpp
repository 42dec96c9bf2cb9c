// SPDX-License-Identifier: Apache-2.0
// FilterFixture: a filter from a snippet of YAML, through its schema, validation and plan, so that
// tests see what a configuration file gets: rows out, or the diagnostics.
//   FilterFixture f(drop_filter_type(), "type: drop\nif: '|= \"debug\"'");
//   REQUIRE_MESSAGE(f.ok(), f.diagnostics());
//   f.process(make_batch({...}));
//   CHECK(f.sink.lines() == ...);
// The snippet stands at `filters.under_test`, two levels deep: a place in line 1, column 1 of it is
// 3:5 in diagnostics.
// Threads: one at a time.   Ownership: owns clock, registry, document, plan and instance.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/component/types.hpp"
#include "common/config/loader.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "test/support/recording_sink.hpp"
#include "test/support/rows.hpp"

namespace seyir::test {

class FilterFixture {
  public:
    /// `looks_at_files`: files that the snippet names are opened when it is read, as programs do;
    /// otherwise as `validate` does offline. `directory`: where relative paths start.
    FilterFixture(
        component::FilterType type,
        std::string_view yaml,
        bool looks_at_files = true,
        const std::string& directory = "/etc/seyir",
        component::ProgramServices* program = nullptr
    )
        : program_(program),
          type_(std::move(type)),
          schema_("test", "One filter."),
          document_(load(yaml, directory)),
          checks_{
              .files = looks_at_files ? &io::posix_file_system() : nullptr,
              .diagnostics = document_.diagnostics,
          } {
        make_plan();
    }

    FilterFixture(const FilterFixture&) = delete;
    FilterFixture& operator=(const FilterFixture&) = delete;

    /// The configuration is good and the filter was made.
    bool ok() const { return filter_ != nullptr; }

    /// What is wrong, as people see it; "" when all is well.
    std::string diagnostics() const {
        return document_.diagnostics.to_text() + (error_ ? error_->message : "");
    }

    component::FilterPlan& plan() { return *plan_; }

    pipeline::Filter& filter() { return *filter_; }

    /// One more instance of the same plan, as for another worker.
    Result<std::unique_ptr<pipeline::Filter>> another() { return plan_->instantiate(context()); }

    Result<void> process(RecordBatchPtr batch) { return process(BatchView{std::move(batch), {}}); }

    Result<void> process(BatchView view) { return filter_->process(std::move(view), sink); }

    Result<void> flush(pipeline::FlushReason reason = pipeline::FlushReason::kTimer) {
        return filter_->flush(reason, sink);
    }

    component::RunContext context() {
        return {
            .id = "under_test",
            .registry = registry,
            .clock = clock,
            .files = io::posix_file_system(),
            .state_dir = "/nonexistent",
            .host_name = "h1",
            .program = program_,
        };
    }

    RecordingSink sink;
    io::ManualClock clock;
    metrics::Registry registry;

  private:
    config::CheckedDocument load(std::string_view yaml, const std::string& directory) {
        schema_.with(config::components("filters", {type_.schema.get()}).required());
        std::string text = "filters:\n  under_test:\n    ";
        for (const char c : yaml) {
            text += c;
            text += c == '\n' ? "    " : "";
        }
        return config::load_document(
            directory + "/test.yaml", schema_, {.check_machine = false, .host_name = "h1"}, text
        );
    }

    void make_plan() {
        config::Diagnostics& diagnostics = document_.diagnostics;
        if (diagnostics.has_errors()) {
            return;
        }
        const config::ObjectReader root(document_.document.root(), schema_, document_.context);
        const auto components = root.components("filters");
        component::PlanContext plan_context{
            .id = "under_test",
            .id_span = components.front().id_span,
            .diagnostics = diagnostics,
            .checks = checks_,
            .read = document_.context,
            .labels = {{"host", "h1"}},
        };
        plan_ = type_.plan(components.front().reader, plan_context);
        if (plan_ == nullptr || diagnostics.has_errors()) {
            return;
        }
        auto made = plan_->instantiate(context());
        if (made) {
            filter_ = std::move(*made);
        } else {
            error_ = made.error();
        }
    }

    component::ProgramServices* const program_;
    component::FilterType type_;
    config::Schema schema_;
    config::CheckedDocument document_;
    config::SectionChecks checks_;
    component::FilterPlanPtr plan_;
    std::unique_ptr<pipeline::Filter> filter_;
    std::optional<Error> error_;
};

}  // namespace seyir::test
