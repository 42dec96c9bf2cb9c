// SPDX-License-Identifier: Apache-2.0
#include "collector/app/collector_config.hpp"

#include <filesystem>

#include "collector/input/http/http_input.hpp"
#include "collector/input/input_types.hpp"
#include "collector/input/internal/internal_input.hpp"
#include "collector/output/store_type.hpp"
#include "common/config/reference/reference.hpp"
#include "common/plugin/loader.hpp"
#include "common/plugin/program_plugins.hpp"
#include "plugins/builtin_types.hpp"
#include "plugins/input/forward/forward_input.hpp"
#include "plugins/input/syslog/syslog_input.hpp"
#include "plugins/output/collector/relay_output_type.hpp"

namespace seyir::collector {
namespace {

using config::field;
using config::ObjectReader;
using config::Schema;
using config::SectionChecks;
using config::Type;

config::Field data_dir_field() {
    return field("data_dir", Type::kPath)
        .describe("All that is stored. One collector at a time may use it.")
        .or_else("/var/lib/seyir-collector")
        .elsewhere("Loki", {"path_prefix", "common"})
        .elsewhere("VictoriaLogs", {"storageDataPath"})
        .elsewhere("other programs", {"state_dir", "storage_path"});
}

component::ProgramTypesPtr make_types(const plugin::AddPlugins& add_plugins = {}) {
    auto types = std::make_shared<component::ProgramTypes>();
    types->catalogue.add(input::agents_input_type());
    types->catalogue.add(input::loki_input_type());
    types->catalogue.add(input::http_input_type());
    types->catalogue.add(input::internal_logs_input_type());
    types->catalogue.add(component::forward_input_type());
    types->catalogue.add(plugins::syslog::syslog_input_type());
    plugins::add_builtin_filters(types->catalogue);
    types->catalogue.add(store_output_type());
    types->catalogue.add(plugins::relay_output_type());
    plugins::add_builtin_outputs(types->catalogue);
    if (add_plugins) {
        add_plugins(types->catalogue);
    }
    types->schema =
        Schema("collector", "seyir-collector: takes records, stores them and answers queries.");
    component::add_program_sections(types->schema, data_dir_field(), "data_dir", "127.0.0.1:7400");
    types->schema.with(config::log_field());
    types->schema.with(plugin::plugins_field());
    types->schema.with(limits_field());
    component::add_pipeline_sections(types->schema, types->catalogue, false);
    return types;
}

bool is_within(const std::string& path, const std::string& folder) {
    const auto inner = std::filesystem::path(path).lexically_normal().string() + "/";
    const auto outer = std::filesystem::path(folder).lexically_normal().string() + "/";
    return !path.empty() && inner.starts_with(outer);
}

/// What the store looks after itself is no place for files that are to outlive it.
void check_places(
    const ObjectReader& root,
    const std::string& id,
    const CollectorConfig& collector,
    config::Diagnostics& out
) {
    for (const ObjectReader::Component& component : root.components("outputs")) {
        if (component.id != id) {
            continue;
        }
        const std::string segments = collector.home + "/segments";
        if (is_within(collector.clean_up.archive_directory, segments)) {
            out.add(
                {.code = config::kBadPath,
                 .at = component.reader.nested("clean_up").nested("archive").span("directory"),
                 .message = "`archive.directory` is inside `data_dir`'s segments, whose files are "
                            "the store's own",
                 .hint = "give it a folder of its own, better on another disk"}
            );
        }
        if (is_within(collector.backup.path, collector.home)) {
            out.add(
                {.code = config::kBadPath,
                 .at = component.reader.nested("backup").span("path"),
                 .message = "`backup.path` is inside `data_dir`: what loses one loses the other",
                 .hint = "give it a folder outside `data_dir`, better on another disk"}
            );
        }
    }
}

void read_store(const ObjectReader& root, CollectorConfig& collector, config::Diagnostics& out) {
    bool has_store = false;
    for (const component::PlannedOutput& output : collector.pipeline.outputs) {
        const auto* plan = dynamic_cast<const StorePlan*>(output.plan.get());
        if (plan == nullptr) {
            continue;
        }
        collector.store = plan->options();
        collector.clean_up = plan->clean_up();
        collector.backup = plan->backup();
        check_places(root, output.id, collector, out);
        for (const auto& [id, at] : root.component_names("outputs")) {
            if (has_store && id == output.id) {
                out.add(
                    {.code = config::kItemCount,
                     .at = at,
                     .message = "a second `store` output: `data_dir` holds one store",
                     .hint = "remove one of them"}
                );
            }
        }
        has_store = true;
    }
}

config::LoadedConfig<CollectorConfig> finish(
    config::CheckedDocument checked,
    const component::ProgramTypesPtr& types,
    const config::LoadOptions& options
) {
    config::LoadedConfig<CollectorConfig> loaded{
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
    CollectorConfig collector{component::read_program(
        root, checks, checked.context, types, {.home_key = "data_dir"}, config::host_name(options)
    )};
    collector.limits = read_limits(root);
    read_store(root, collector, loaded.diagnostics);
    if (!loaded.diagnostics.has_errors()) {
        loaded.config = std::move(collector);
        loaded.effective = config::effective_yaml(checked.document, types->schema);
    }
    return loaded;
}

config::LoadedConfig<CollectorConfig> load(
    const std::string& path, std::optional<std::string> text, const config::LoadOptions& options
) {
    component::ProgramTypesPtr types = collector_types();
    const auto extend = plugin::extend_types(types, [](const plugin::AddPlugins& add_plugins) {
        return make_types(add_plugins);
    });
    config::CheckedDocument checked =
        config::load_document(path, types->schema, options, std::move(text), extend);
    return finish(std::move(checked), types, options);
}

}  // namespace

const component::ProgramTypesPtr& collector_types() {
    static const component::ProgramTypesPtr types = make_types();
    return types;
}

config::LoadedConfig<CollectorConfig> load_collector_config(
    const std::string& path, const config::LoadOptions& options
) {
    return load(path, std::nullopt, options);
}

config::LoadedConfig<CollectorConfig> parse_collector_config(
    std::string name, std::string text, const config::LoadOptions& options
) {
    return load(name, std::move(text), options);
}

}  // namespace seyir::collector
