// SPDX-License-Identifier: Apache-2.0
// `seyir explain` and `seyir schema`: what the schemas and the table of codes say.
#include <string>
#include <vector>

#include <fmt/format.h>

#include "agent/app/agent_config.hpp"
#include "collector/app/collector_config.hpp"
#include "common/base/text.hpp"
#include "common/config/diagnostics/codes.hpp"
#include "common/config/reference/reference.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

std::vector<config::ReferencePart> program_schemas() {
    return {
        {&agent::agent_schema(), "agent.yaml"}, {&collector::collector_schema(), "collector.yaml"}
    };
}

int show(const std::string& text) {
    return print(text) ? kExitOk : kExitFailure;
}

int list_all(const std::vector<config::ComponentKind>& kinds) {
    std::string text = "codes:\n";
    for (const auto& info : config::all_codes()) {
        text += fmt::format("  {}  {}\n", info.code, info.title);
    }
    std::string_view section;
    for (const auto& kind : kinds) {
        if (kind.section != section) {
            section = kind.section;
            text += fmt::format("\n{}:\n", section);
        }
        text += fmt::format("  {:<14} {}\n", kind.schema->name(), kind.schema->summary());
    }
    return show(text);
}

int explain_code(const config::CodeInfo& info) {
    std::string text = fmt::format("{}: {}\n\n{}", info.code, info.title, info.explanation);
    if (!text.ends_with('\n')) {
        text += '\n';
    }
    return show(text);
}

/// `redact`, or `inputs.file` where one name is the type of several kinds.
std::string explain_types(
    const std::vector<config::ComponentKind>& kinds, const std::string& name
) {
    std::string text;
    for (const auto& kind : kinds) {
        if (kind.schema->name() == name || kind.section + "." + kind.schema->name() == name) {
            text += (text.empty() ? "" : "\n") + config::component_text(kind);
        }
    }
    return text;
}

}  // namespace

int explain_command(const Arguments& arguments) {
    const auto kinds = config::component_kinds(program_schemas());
    if (arguments.values.empty()) {
        return list_all(kinds);
    }
    const std::string& name = arguments.values[0];
    if (const auto* info = config::find_code(name)) {
        return explain_code(*info);
    }
    if (const std::string text = explain_types(kinds, name); !text.empty()) {
        return show(text);
    }
    std::vector<std::string_view> names;
    for (const auto& kind : kinds) {
        names.push_back(kind.schema->name());
    }
    const auto near = did_you_mean(name, names);
    return report(fail(
        ErrorCode::kNotFound,
        fmt::format(
            "there is neither a message nor a component `{}`{}: `seyir explain` lists them",
            name,
            near ? fmt::format(" (did you mean `{}`?)", *near) : ""
        )
    ));
}

int schema_command(const Arguments& arguments) {
    for (const auto& part : program_schemas()) {
        if (part.root->name() == arguments.values[0]) {
            return show(config::json_schema(*part.root) + "\n");
        }
    }
    return report(fail(ErrorCode::kNotFound, "schemas: agent, collector"));
}

}  // namespace seyir::ctl
