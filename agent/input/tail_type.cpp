// SPDX-License-Identifier: Apache-2.0
#include "agent/input/tail_type.hpp"

#include <fmt/format.h>

#include "agent/input/agent_services.hpp"
#include "agent/input/tail/glob.hpp"
#include "agent/input/tail_input.hpp"
#include "agent/input/tail_schema.hpp"

namespace seyir::agent::input {
namespace {

/// Of this machine, where it may be looked at.
bool is_folder(const std::string& path, const component::PlanContext& context) {
    if (context.checks.files == nullptr) {
        return false;
    }
    const auto info = context.checks.files->stat(path);
    return info && info->is_directory;
}

void check_globs(
    const config::ObjectReader& r, std::string_view key, component::PlanContext& context
) {
    const std::vector<std::string> written = r.strings(key);
    const std::vector<std::string> patterns = r.absolute(written);
    for (size_t i = 0; i < patterns.size(); ++i) {
        if (written[i].starts_with('~')) {
            context.diagnostics.add(
                {.code = config::kBadPath,
                 .at = r.item_span(key, i),
                 .message = fmt::format("'{}': no home folder is put in for '~'", written[i]),
                 .hint = "write the path out"}
            );
            continue;
        }
        if (key == "include" && is_folder(patterns[i], context)) {
            context.diagnostics.add(
                {.code = config::kBadPath,
                 .at = r.item_span(key, i),
                 .message = fmt::format("'{}' is a folder: add '/*' or '/**/*.log'", patterns[i])}
            );
            continue;
        }
        if (auto glob = Glob::compile(patterns[i]); !glob) {
            context.diagnostics.add(
                {.code = config::kBadPath,
                 .at = r.item_span(key, i),
                 .message = glob.error().message}
            );
        }
    }
}

}  // namespace

void check_file_globs(const config::ObjectReader& r, component::PlanContext& context) {
    check_globs(r, "include", context);
    check_globs(r, "exclude", context);
}

Result<std::unique_ptr<pipeline::Input>> TailPlan::make(
    TailOptions options, const component::InputContext& context
) {
    auto& services = static_cast<AgentServices&>(context.program);
    if (services.is_dry_run) {
        constexpr auto kSoon = std::chrono::milliseconds(200);
        options.start_at = StartAt::kBeginning;
        options.partial_line_wait = kSoon;
        options.multiline.bounds.flush_timeout = kSoon;
        options.rescan_interval = kSoon;
    }
    const TailDeps deps{
        .fs = context.run.files,
        .clock = context.run.clock,
        .registry = context.run.registry,
        .checkpoints = services.checkpoints,
        .positions = services.positions[context.run.id],
        .disk = services.disk,
        .claims = services.feeds_collector.contains(context.run.id) ? &services.claims : nullptr,
    };
    return std::make_unique<TailInput>(std::move(options), deps);
}

Result<std::unique_ptr<pipeline::Input>> TailPlan::instantiate(
    const component::InputContext& context
) {
    TailOptions options = options_;
    if (context.takes_over != nullptr) {
        options.multiline = *context.takes_over->line_rules();
    }
    return make(std::move(options), context);
}

bool TailPlan::takes_over(const component::FilterPlan& filter) const {
    return filter.line_rules() != nullptr && options_.multiline.rules == nullptr;
}

component::InputType tail_input_type() {
    return {
        std::make_shared<const config::Schema>(tail_schema()),
        [](const config::ObjectReader& r,
           component::PlanContext& context) -> component::InputPlanPtr {
            TailOptions options = read_tail(r);
            options.id = context.id;
            check_file_globs(r, context);
            options.labels = component::input_labels(r, context);
            if (!read_tail_multiline(r, context.id, context.diagnostics, options)) {
                return nullptr;
            }
            return std::make_shared<TailPlan>(std::move(options));
        }
    };
}

}  // namespace seyir::agent::input
