// SPDX-License-Identifier: Apache-2.0
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

constexpr std::string_view kIntroduction =
    R"(<!-- Generated from the schemas in the source; do not edit. `SEYIR_UPDATE=1 meson test -C build unit_config` writes it. -->
# Configuration reference

Both programs read one YAML file: `seyir-agent --config agent.yaml`, `seyir-collector --config
collector.yaml`. `seyir validate FILE` checks it without starting anything. `configs/agent.yaml` and
`configs/collector.yaml` show every key in place.

- A key that is not listed here is an error, and so is a key given twice.
- **size**: `64MiB`, `1.5GiB`, `10MB`, or bytes. **duration**: `250ms`, `30s`, `1h30m`, `90d`.
- **listen address**: IP address and port, `127.0.0.1:7400`, `[::1]:7400`; port 0 is any free one.
- **path**: relative ones start in the directory of the configuration file.
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

std::string reference_page(const std::vector<ReferencePart>& parts) {
    std::string out(kIntroduction);
    for (const ReferencePart& part : parts) {
        out += fmt::format("## {}\n\n{}\n\n", part.file_name, part.root->summary());
        table(out, *part.root);
        for (const Field& field : part.root->fields()) {
            for (const Schema* component : field.components) {
                out += fmt::format(
                    "### {} / {}: `type: {}`\n\n", part.file_name, field.name, component->name()
                );
                out += component->summary() + "\n\n";
                table(out, *component);
            }
        }
    }
    out += "## Codes\n\n`seyir explain CODE` says more.\n\n| code | meaning |\n|---|---|\n";
    for (const CodeInfo& info : all_codes()) {
        out += fmt::format("| {} | {} |\n", info.code, cell(info.title));
    }
    return out;
}

}  // namespace seyir::config
