// SPDX-License-Identifier: Apache-2.0
#include "agent/app/agent_config.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "agent/app/collector_output_type.hpp"
#include "agent/hostmetrics/host_metrics_schema.hpp"
#include "agent/hostmetrics/host_metrics_type.hpp"
#include "agent/input/container/container_type.hpp"
#include "agent/input/journald/journald_type.hpp"
#include "agent/input/relay/relay_type.hpp"
#include "agent/input/stdin/stdin_type.hpp"
#include "agent/input/tail/glob.hpp"
#include "agent/input/tail_type.hpp"
#include "common/base/units.hpp"
#include "common/config/reference/reference.hpp"
#include "common/plugin/loader.hpp"
#include "common/plugin/program_plugins.hpp"
#include "plugins/builtin_types.hpp"
#include "plugins/input/syslog/syslog_input.hpp"

namespace seyir::agent {
namespace {

using config::field;
using config::ObjectReader;
using config::Schema;
using config::SectionChecks;
using config::Type;

config::Field state_dir_field() {
    return field("state_dir", Type::kPath)
        .describe("Positions and identity of this agent. One agent at a time may use it.")
        .or_else("/var/lib/seyir-agent")
        .elsewhere("Vector", {"data_dir"})
        .elsewhere("Fluent Bit", {"storage.path", "DB"})
        .elsewhere("Filebeat", {"path.data"})
        .elsewhere("promtail", {"positions"});
}

config::Field host_metrics_field() {
    Schema metrics(
        "host_metrics",
        "CPU, memory, disks and network of this host on `/metrics`, with node_exporter's names."
    );
    metrics.with(field("enabled", Type::kBool).describe("Sample at all.").or_else("true"));
    hostmetrics::add_sampling_fields(metrics);
    return config::object("host_metrics", std::move(metrics))
        .elsewhere("other programs", {"node_exporter", "metricbeat"});
}

config::Field limits_field() {
    Schema limits("limits", "What the agent may take of this host.");
    limits.with(
        field("disk", Type::kBytes)
            .between(0, 64 * 1024 * kGiB)
            .describe("What the buffers of all outputs and deleted files that are held open may "
                      "occupy together. Half of it is divided among them evenly, the rest goes "
                      "to who comes first. Beyond, buffers do what their `when_full` says and "
                      "the oldest deleted files are let go, counted. 0: no cap but their own.")
            .or_else("0")
            .elsewhere("Fluent Bit", {"storage.total_limit_size"})
    );
    return config::object("limits", std::move(limits));
}

component::ProgramTypesPtr make_types(const plugin::AddPlugins& add_plugins = {}) {
    auto types = std::make_shared<component::ProgramTypes>();
    types->catalogue.add(input::tail_input_type());
    types->catalogue.add(input::container_input_type());
    types->catalogue.add(input::journald_input_type());
    types->catalogue.add(input::relay_input_type());
    types->catalogue.add(input::stdin_input_type());
    types->catalogue.add(hostmetrics::host_metrics_input_type());
    types->catalogue.add(plugins::syslog::syslog_input_type());
    plugins::add_builtin_filters(types->catalogue);
    types->catalogue.add(collector_output_type());
    plugins::add_builtin_outputs(types->catalogue);
    if (add_plugins) {
        add_plugins(types->catalogue);
    }
    types->schema = Schema("agent", "seyir-agent: reads the logs of a host and sends them on.");
    component::add_program_sections(
        types->schema, state_dir_field(), "state_dir", "127.0.0.1:7420"
    );
    types->schema
        .with(config::labels_field(
            "Stream labels of everything this agent reads. `host` replaces the host's name."
        ))
        .with(config::log_field())
        .with(host_metrics_field())
        .with(limits_field());
    types->schema.with(plugin::plugins_field());
    component::add_pipeline_sections(types->schema, types->catalogue, true);
    return types;
}

/// The globs that can be read; the plans have reported the others.
std::vector<input::Glob> compile_globs(const std::vector<std::string>& patterns) {
    std::vector<input::Glob> globs;
    for (const std::string& pattern : patterns) {
        if (auto glob = input::Glob::compile(pattern)) {
            globs.push_back(std::move(*glob));
        }
    }
    return globs;
}

/// `file` outputs must not write what a `tail` input reads.
void check_loops(
    const ObjectReader& root, const component::PipelineConfig& pipeline, config::Diagnostics& out
) {
    for (const component::PlannedInput& planned : pipeline.inputs) {
        const auto* tail = dynamic_cast<const input::TailPlan*>(planned.plan.get());
        if (tail == nullptr) {
            continue;
        }
        const auto include = compile_globs(tail->options().include);
        const auto exclude = compile_globs(tail->options().exclude);
        for (const auto& output : root.components("outputs")) {
            if (output.type != "file") {
                continue;
            }
            const std::string path = output.reader.path("path");
            const auto matches = [&](const input::Glob& glob) { return glob.matches(path); };
            if (std::ranges::any_of(include, matches) && std::ranges::none_of(exclude, matches)) {
                out.add(
                    {.code = config::kOutputLoop,
                     .at = output.reader.span("path"),
                     .message = fmt::format(
                         "input `{}` reads what output `{}` writes: an endless loop",
                         planned.id,
                         output.id
                     ),
                     .hint = "write elsewhere, or add it to the input's `exclude`"}
                );
            }
        }
    }
}

/// There is one standard input.
void check_one_stdin(
    const ObjectReader& root, const component::PipelineConfig& pipeline, config::Diagnostics& out
) {
    const component::PlannedInput* first = nullptr;
    for (const component::PlannedInput& planned : pipeline.inputs) {
        if (planned.type != "stdin") {
            continue;
        }
        if (first == nullptr) {
            first = &planned;
            continue;
        }
        for (const auto& input : root.components("inputs")) {
            if (input.id == planned.id) {
                out.add(
                    {.code = config::kNotAllowed,
                     .at = input.id_span,
                     .message = fmt::format(
                         "inputs `{}` and `{}` both read the standard input", first->id, planned.id
                     ),
                     .hint = "remove one of them"}
                );
            }
        }
    }
}

/// What a relay takes goes to the collector as it came: no filter, no choice, no other output.
void check_relays(
    const ObjectReader& root, const component::PipelineConfig& pipeline, config::Diagnostics& out
) {
    const auto is_collector = [&](const std::string& id) {
        return std::ranges::any_of(pipeline.outputs, [&](const component::PlannedOutput& output) {
            return output.id == id && output.type == "collector";
        });
    };
    for (const auto& input : root.components("inputs")) {
        for (const component::PlannedRoute& route : pipeline.routes) {
            const config::RouteOptions& options = route.options;
            const bool is_read = std::ranges::find(options.from, input.id) != options.from.end();
            const bool is_plain = options.through.empty() && options.match.empty() &&
                                  std::ranges::all_of(options.to, is_collector);
            if (input.type != "http_relay" || !is_read || is_plain) {
                continue;
            }
            out.add(
                {.code = config::kNotAllowed,
                 .at = input.id_span,
                 .message = fmt::format(
                     "what `{}` relays goes to a collector unchanged, and route `{}` has `match`, "
                     "`through` or another output",
                     input.id,
                     options.name
                 ),
                 .hint = "give it a route of its own to a `collector` output; the collector's "
                         "filters see its records"}
            );
        }
    }
}

config::LoadedConfig<AgentConfig> finish(
    config::CheckedDocument checked,
    const component::ProgramTypesPtr& types,
    const config::LoadOptions& options
) {
    config::LoadedConfig<AgentConfig> loaded{
        .config = std::nullopt, .diagnostics = std::move(checked.diagnostics)
    };
    if (checked.document.root() == nullptr) {
        return loaded;
    }
    const ObjectReader root(checked.document.root(), types->schema, checked.context);
    const SectionChecks checks{
        .files = options.check_machine ? options.files : nullptr,
        .diagnostics = loaded.diagnostics,
        .check_match = component::check_route_match,
    };
    AgentConfig agent{component::read_program(
        root,
        checks,
        checked.context,
        types,
        {.home_key = "state_dir", .has_labels = true},
        config::host_name(options)
    )};
    agent.disk_bytes_max = root.nested("limits").bytes("disk");
    const ObjectReader metrics = root.nested("host_metrics");
    agent.host_metrics = {
        metrics.boolean("enabled"),
        metrics.duration("interval"),
        hostmetrics::read_selection(metrics)
    };
    check_loops(root, agent.pipeline, loaded.diagnostics);
    check_one_stdin(root, agent.pipeline, loaded.diagnostics);
    check_relays(root, agent.pipeline, loaded.diagnostics);
    if (!loaded.diagnostics.has_errors()) {
        loaded.config = std::move(agent);
        loaded.effective = config::effective_yaml(checked.document, types->schema);
    }
    return loaded;
}

config::LoadedConfig<AgentConfig> load(
    const std::string& path, std::optional<std::string> text, const config::LoadOptions& options
) {
    component::ProgramTypesPtr types = agent_types();
    const auto extend = plugin::extend_types(types, [](const plugin::AddPlugins& add_plugins) {
        return make_types(add_plugins);
    });
    config::CheckedDocument checked =
        config::load_document(path, types->schema, options, std::move(text), extend);
    return finish(std::move(checked), types, options);
}

}  // namespace

const component::ProgramTypesPtr& agent_types() {
    static const component::ProgramTypesPtr types = make_types();
    return types;
}

config::LoadedConfig<AgentConfig> load_agent_config(
    const std::string& path, const config::LoadOptions& options
) {
    return load(path, std::nullopt, options);
}

config::LoadedConfig<AgentConfig> parse_agent_config(
    std::string name, std::string text, const config::LoadOptions& options
) {
    return load(name, std::move(text), options);
}

}  // namespace seyir::agent
