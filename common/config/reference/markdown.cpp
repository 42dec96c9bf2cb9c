// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "common/base/units.hpp"
#include "common/config/diagnostics/codes.hpp"
#include "common/config/reference/reference.hpp"

namespace seyir::config {
namespace {

std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += c == '|' ? "\\|" : c == '\n' ? " " : std::string(1, c);
    }
    return out;
}

std::string type_text(const Field& field) {
    if (field.type == Type::kList) {
        return field.item->type == Type::kObject
                   ? "list of maps"
                   : fmt::format("list of {}", to_string(field.item->type));
    }
    if (field.type == Type::kMap) {
        return fmt::format("map of {}", to_string(field.item->type));
    }
    return std::string(to_string(field.type));
}

std::string default_text(const Field& field) {
    if (field.is_required) {
        return "**required**";
    }
    if (!field.default_help.empty()) {
        return field.default_help;
    }
    if (field.default_text) {
        return fmt::format("`{}`", *field.default_text);
    }
    return field.object ? "" : "none";
}

void rows(std::string& out, const Schema& schema, const std::string& prefix) {
    for (const Field& field : schema.fields()) {
        std::string help =
            field.help.empty() && field.object ? field.object->summary() : field.help;
        const std::string limits = describe_limits(field);
        help += limits.empty() ? "" : (help.empty() ? "" : " ") + limits;
        if (!field.deprecated.empty()) {
            help += " Deprecated: " + field.deprecated;
        }
        out += fmt::format(
            "| `{}{}` | {} | {} | {} |\n",
            prefix,
            field.name,
            type_text(field),
            cell(default_text(field)),
            cell(help)
        );
        if (field.object) {
            rows(out, *field.object, prefix + field.name + ".");
        } else if (field.item && field.item->object) {
            rows(out, *field.item->object, prefix + field.name + "[].");
        }
    }
}

void table(std::string& out, const Schema& schema) {
    if (schema.fields().empty()) {
        out += "No keys besides `type`.\n\n";
        return;
    }
    out += "| key | type | default | what it does |\n|---|---|---|---|\n";
    rows(out, schema, "");
    out += "\n";
}

constexpr std::string_view kMark =
    "<!-- Generated from the schemas in the source; do not edit. `SEYIR_UPDATE=1 meson test -C "
    "build unit_config` writes it. -->\n";

constexpr std::string_view kIntroduction =
    R"(# Configuration reference

Both programs read a YAML file and the files it names: `seyir-agent --config agent.yaml`,
`seyir-collector --config collector.yaml`; docs/guide/configuration.md shows how to write one. `seyir validate FILE` checks it without starting anything. `configs/agent.yaml` and
`configs/collector.yaml` show every key in place.

- A key that is not listed here is an error, and so is a key given twice.
- **size**: `64MiB`, `1.5GiB`, `10MB`, or bytes. **duration**: `250ms`, `30s`, `1h30m`, `90d`.
- **listen address**: IP address and port, `127.0.0.1:7400`, `[::1]:7400`; port 0 is any free one.
- **path**: relative ones start in the directory of the file they stand in.
- A list of one may be written as the value alone.
- In values, after YAML was read: `${VAR}`, `${VAR:-default}` (also when empty), `${VAR:?message}`,
  `${file:/path}` and `${credential:name}` (a systemd credential), both without the last line break.
  `$$` is one `$`. Inside `{ }` and `[ ]` quote them: `{ ca: "${CA}" }`.
- **secret**: shown as `***` wherever a configuration is printed.
- Listening beyond this machine needs TLS and tokens (`seyir explain E0501`, `E0502`).

)";

}  // namespace

std::string describe_limits(const Field& field) {
    std::string text;
    for (const EnumChoice& choice : (field.type == Type::kList ? *field.item : field).choices) {
        text += fmt::format("{}`{}`: {}", text.empty() ? "" : "; ", choice.name, choice.help);
    }
    if (!text.empty()) {
        return text + ".";
    }
    const bool has_max = field.max != std::numeric_limits<int64_t>::max();
    switch (field.type) {
        case Type::kBytes:
            return has_max
                       ? fmt::format("{} to {}.", format_bytes(field.min), format_bytes(field.max))
                       : "";
        case Type::kDuration:
            return has_max ? fmt::format(
                                 "{} to {}.",
                                 format_duration(Nanos(static_cast<int64_t>(field.min))),
                                 format_duration(Nanos(static_cast<int64_t>(field.max)))
                             )
                           : "";
        case Type::kInt:
            return has_max ? fmt::format("{} to {}.", field.min, field.max) : "";
        default:
            return "";
    }
}

std::vector<ComponentKind> component_kinds(const std::vector<ReferencePart>& parts) {
    std::vector<ComponentKind> kinds;
    for (const std::string_view section : {"inputs", "filters", "outputs"}) {
        for (const ReferencePart& part : parts) {
            const Field* field = part.root->find(section);
            for (const Schema* schema :
                 field == nullptr ? std::vector<const Schema*>() : field->components) {
                const auto known = std::ranges::find_if(kinds, [&](const ComponentKind& kind) {
                    return kind.section == section && kind.schema->name() == schema->name();
                });
                if (known != kinds.end()) {
                    known->programs.push_back(part.root->name());
                    // One page for both: that of the program where it has more keys.
                    if (schema->fields().size() > known->schema->fields().size()) {
                        known->schema = schema;
                    }
                } else {
                    kinds.push_back({std::string(section), schema, {part.root->name()}});
                }
            }
        }
    }
    return kinds;
}

namespace {

/// "filters/redact.md"
std::string page_name(const ComponentKind& kind) {
    return fmt::format("{}/{}.md", kind.section, kind.schema->name());
}

std::string_view singular(const std::string& section) {
    return std::string_view(section).substr(0, section.size() - 1);
}

std::string program_names(const ComponentKind& kind) {
    std::string names;
    for (const std::string& program : kind.programs) {
        names += (names.empty() ? "seyir-" : ", seyir-") + program;
    }
    return names;
}

std::string component_page(const ComponentKind& kind) {
    const Schema& schema = *kind.schema;
    std::string out(kMark);
    out += fmt::format("# {} `{}`\n\n", singular(kind.section), schema.name());
    out[kMark.size() + 2] = static_cast<char>(out[kMark.size() + 2] - 'a' + 'A');
    out += fmt::format("{}\n\nIn {}.\n\n", schema.summary(), program_names(kind));
    table(out, schema);
    out += fmt::format(
        "```yaml\n{}```\n\nA `#` right before a key: the setting is off or at the value shown.\n",
        component_example(kind.section, schema)
    );
    if (!schema.foreign().empty()) {
        out += "\nElsewhere:";
        for (size_t i = 0; i < schema.foreign().size(); ++i) {
            const ForeignName& foreign = schema.foreign()[i];
            out += fmt::format("{} `{}` ({})", i == 0 ? "" : ",", foreign.name, foreign.program);
        }
        out += ".\n";
    }
    return out;
}

std::string codes_page() {
    std::string out(kMark);
    out +=
        "# Codes\n\nWhat `seyir validate` and the programs print; `seyir explain CODE` says the "
        "same. E is an error, W a warning.\n";
    for (const CodeInfo& info : all_codes()) {
        out += fmt::format(
            "\n## {}: {}\n\n```text\n{}\n```\n", info.code, info.title, info.explanation
        );
    }
    return out;
}

}  // namespace

std::map<std::string, std::string> reference_pages(const std::vector<ReferencePart>& parts) {
    std::map<std::string, std::string> pages;
    const std::vector<ComponentKind> kinds = component_kinds(parts);
    std::string index = std::string(kMark) + std::string(kIntroduction);
    index += "## Components\n\n| | type | in | |\n|---|---|---|---|\n";
    for (const ComponentKind& kind : kinds) {
        index += fmt::format(
            "| {} | [{}]({}) | {} | {} |\n",
            singular(kind.section),
            kind.schema->name(),
            page_name(kind),
            program_names(kind),
            cell(kind.schema->summary())
        );
        pages[page_name(kind)] = component_page(kind);
    }
    index += "\n";
    for (const ReferencePart& part : parts) {
        index += fmt::format("## {}\n\n{}\n\n", part.file_name, part.root->summary());
        table(index, *part.root);
    }
    index +=
        "## Codes\n\n[codes.md](codes.md) says more, and so does `seyir explain CODE`.\n\n"
        "| code | meaning |\n|---|---|\n";
    for (const CodeInfo& info : all_codes()) {
        index += fmt::format("| {} | {} |\n", info.code, cell(info.title));
    }
    pages["config.md"] = std::move(index);
    pages["codes.md"] = codes_page();
    return pages;
}

std::string component_text(const ComponentKind& kind) {
    const Schema& schema = *kind.schema;
    std::string out = fmt::format(
        "{} {} (in {})\n\n{}\n\n",
        singular(kind.section),
        schema.name(),
        program_names(kind),
        schema.summary()
    );
    out += component_example(kind.section, schema);
    out += "\nA # right before a key: the setting is off or at the value shown.\n";
    return out;
}

}  // namespace seyir::config
