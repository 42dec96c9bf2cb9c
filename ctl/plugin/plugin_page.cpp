// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "common/config/reference/reference.hpp"
#include "ctl/plugin/plugin_command.hpp"

namespace seyir::ctl {
namespace {

std::string in_cell(std::string text) {
    std::string out;
    for (const char c : text) {
        out += c == '|' ? "\\|" : std::string(1, c == '\n' ? ' ' : c);
    }
    return out;
}

std::string default_of(const config::Field& field) {
    if (field.is_required) {
        return "required";
    }
    if (field.default_text) {
        return fmt::format("`{}`", field.default_text->empty() ? "''" : *field.default_text);
    }
    return field.default_help.empty() ? "none" : field.default_help;
}

std::string example_of(const plugin::FilterDescription& filter) {
    std::string text = fmt::format("```yaml\nfilters:\n  my_{0}:\n    type: {0}\n", filter.name);
    for (const config::Field& field : filter.schema->fields()) {
        const bool is_ours = field.name == "on_error";
        if (!is_ours && (field.is_required || !field.example.empty())) {
            text += fmt::format("    {}: {}\n", field.name, field.example);
        }
    }
    return text + "```\n";
}

std::string needs_of(const plugin::FilterDescription& filter) {
    const char* const models[] = {
        "One instance for each worker.",
        "One instance, which workers take turns to use.",
        "One instance, used by all workers at once.",
    };
    std::string text = models[filter.thread_model];
    if ((filter.needs & SEYIR_HOLDS_ROWS) != 0) {
        text += " It keeps records across batches: not behind `agents` inputs.";
    }
    if (filter.is_sensitive()) {
        text += " A record it cannot handle never passes, and the dead letter does not show it.";
    }
    return text;
}

std::string filter_section(const plugin::FilterDescription& filter) {
    std::string text = fmt::format("\n## {}\n\n{}\n", filter.name, filter.schema->summary());
    if (!filter.doc.empty()) {
        text += fmt::format("\n{}\n", filter.doc);
    }
    text += "\n" + example_of(filter) + "\n| key | type | default | |\n|---|---|---|---|\n";
    for (const config::Field& field : filter.schema->fields()) {
        std::string help = field.help;
        if (const std::string limits = config::describe_limits(field); !limits.empty()) {
            help += fmt::format(" {}{}", limits, limits.ends_with('.') ? "" : ".");
        }
        if (!field.deprecated.empty()) {
            help += fmt::format(" Old: {}.", field.deprecated);
        }
        text += fmt::format(
            "| `{}` | {} | {} | {} |\n",
            field.name,
            config::to_string(field.type),
            in_cell(default_of(field)),
            in_cell(help)
        );
    }
    return text + "\n" + needs_of(filter) + "\n";
}

}  // namespace

std::string plugin_page(const plugin::PluginLibrary& library) {
    const size_t slash = library.path.find_last_of('/');
    std::string text = fmt::format(
        "# {}\n\nVersion {} by {}, licence {}; plugin ABI 1.{}.\n",
        library.path.substr(slash == std::string::npos ? 0 : slash + 1),
        library.version.empty() ? "unknown" : library.version,
        library.vendor.empty() ? "unknown" : library.vendor,
        library.licence.empty() ? "unknown" : library.licence,
        library.abi_minor
    );
    for (const plugin::FilterDescriptionPtr& filter : library.filters) {
        text += filter_section(*filter);
    }
    return text;
}

}  // namespace seyir::ctl
