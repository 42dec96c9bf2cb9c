// SPDX-License-Identifier: Apache-2.0
#include "ctl/plugin/trial.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace seyir::ctl {

TrialPlan::TrialPlan(plugin::FilterDescriptionPtr filter, plugin::AdapterOptions options)
    : filter_(std::move(filter)),
      type_(plugin::adapt(filter_, options)),
      schema_("check", "One filter.") {
    schema_.with(config::components("filters", {type_.schema.get()}).required());
}

std::string TrialPlan::default_text() const {
    std::string text = fmt::format("type: {}\n", filter_->name);
    for (const config::Field& field : filter_->schema->fields()) {
        if (field.is_required) {
            text += fmt::format("{}: {}\n", field.name, field.example);
        }
    }
    return text;
}

Result<void> TrialPlan::plan(const std::string& text) {
    std::string whole = "filters:\n  checked:\n    ";
    for (const char c : text) {
        whole += c;
        whole += c == '\n' ? "    " : "";
    }
    document_.emplace(config::load_document(
        "settings.yaml", schema_, {.check_machine = false, .host_name = "h1"}, whole
    ));
    config::Diagnostics& diagnostics = document_->diagnostics;
    const config::SectionChecks checks{.files = nullptr, .diagnostics = diagnostics};
    if (!diagnostics.has_errors()) {
        const config::ObjectReader root(document_->document.root(), schema_, document_->context);
        const auto components = root.components("filters");
        component::PlanContext context{
            .id = "checked",
            .id_span = components.front().id_span,
            .diagnostics = diagnostics,
            .checks = checks,
            .read = document_->context,
        };
        plan_ = type_.plan(components.front().reader, context);
    }
    if (diagnostics.has_errors() || plan_ == nullptr) {
        return fail(ErrorCode::kInvalidConfig, diagnostics.to_text());
    }
    return {};
}

Result<std::unique_ptr<pipeline::Filter>> TrialPlan::instantiate() {
    return plan_->instantiate({
        .id = "checked",
        .registry = registry_,
        .clock = io::system_clock(),
        .files = io::posix_file_system(),
        .state_dir = "",
        .host_name = "h1",
    });
}

class TrialRun::Sink final : public pipeline::FilterSink {
  public:
    void emit(BatchView view) override { counts.out += view.row_count(); }

    void drop(std::string_view, uint32_t rows) override { counts.dropped += rows; }

    void fail(BatchView rows, std::string_view code, std::string_view message) override {
        counts.failed += rows.row_count();
        counts.codes[std::string(code)] += rows.row_count();
        const bool is_ours =
            code == "plugin_misbehaved" || code == "plugin_failed" || code == "plugin_gave_up";
        if (is_ours && counts.first_message.empty()) {
            counts.first_message = message;
        }
    }

    pipeline::HeldRows hold(uint32_t rows) override {
        counts.held += rows;
        return {rows, {}};
    }

    void emit_held(BatchView view, pipeline::HeldRows used) override {
        counts.out += view.row_count();
        counts.held -= used.rows;
    }

    void drop_held(std::string_view, pipeline::HeldRows used) override {
        counts.dropped += used.rows;
        counts.held -= used.rows;
    }

    void emit_event(BatchView) override {}

    TrialCounts counts;
};

TrialRun::TrialRun(std::unique_ptr<pipeline::Filter> filter)
    : sink_(std::make_unique<Sink>()), filter_(std::move(filter)) {}

TrialRun::~TrialRun() = default;

void TrialRun::process(BatchView view) {
    TrialCounts& counts = sink_->counts;
    const uint64_t rows = view.row_count();
    counts.in += rows;
    const SteadyTime began = io::system_clock().steady_now();
    const auto done = filter_->process(std::move(view), *sink_);
    const Nanos spent = io::system_clock().steady_now() - began;
    counts.spent += spent;
    counts.slowest = std::max(counts.slowest, spent);
    if (!done) {
        counts.given_back += rows;
    }
}

void TrialRun::flush(pipeline::FlushReason reason) {
    (void)filter_->flush(reason, *sink_);
}

const TrialCounts& TrialRun::counts() const {
    return sink_->counts;
}

}  // namespace seyir::ctl
