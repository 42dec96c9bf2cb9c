// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "common/config/reference/reference.hpp"

namespace seyir::config {
namespace {

constexpr size_t kColumns = 100;

class ExampleWriter {
  public:
    std::string take() { return std::move(out_); }

    void prose(size_t indent, std::string_view text) {
        std::string line = std::string(indent, ' ') + "#";
        for (size_t at = 0; at < text.size();) {
            size_t end = text.find(' ', at);
            end = end == std::string_view::npos ? text.size() : end;
            const std::string_view word = text.substr(at, end - at);
            if (line.size() + 1 + word.size() > kColumns && line.size() > indent + 1) {
                out_ += line + "\n";
                line = std::string(indent, ' ') + "#";
            }
            line += fmt::format(" {}", word);
            at = end + 1;
        }
        out_ += line + "\n";
    }

    void blank() { out_ += "\n"; }

    void setting(size_t indent, bool is_on, std::string_view text) {
        out_ += fmt::format("{:{}}{}{}\n", "", indent, is_on ? "" : "#", text);
    }

    void object(const Schema& schema, size_t indent, bool is_on) {
        for (const Field& field : schema.fields()) {
            if (field.deprecated.empty()) {
                if (indent == 0) {
                    blank();
                }
                write(field, indent, is_on);
            }
        }
    }

    void component(const Schema& schema, size_t indent, bool is_on) {
        setting(indent, is_on, schema.id_in_example() + ":");
        setting(indent + 2, is_on, fmt::format("type: {}", schema.name()));
        object(schema, indent + 2, is_on);
    }

  private:
    static std::string help(const Field& field) {
        std::string text =
            field.help.empty() && field.object ? field.object->summary() : field.help;
        const std::string limits = describe_limits(field);
        text += limits.empty() ? "" : (text.empty() ? "" : " ") + limits;
        if (!field.default_help.empty()) {
            text += fmt::format(" Default: {}.", field.default_help);
        }
        std::erase(text, '`');
        return text;
    }

    void write(const Field& field, size_t indent, bool is_on) {
        if (const std::string text = help(field); !text.empty()) {
            prose(indent, text);
        }
        if (field.type == Type::kComponents) {
            components(field, indent, is_on);
            return;
        }
        if (field.type == Type::kObject) {
            // A block that needs values of its own, or whose presence means something, stays off.
            const bool has_required =
                std::ranges::any_of(field.object->fields(), &Field::is_required);
            const bool block_on = is_on && !has_required && field.default_help.empty();
            setting(indent, block_on, field.name + ":");
            object(*field.object, indent + 2, false);
            return;
        }
        if (field.type == Type::kList && field.item->type == Type::kObject) {
            setting(indent, false, field.name + ":");
            item(*field.item->object, indent + 2);
            return;
        }
        const bool value_on = is_on && field.is_required;
        const bool is_empty = field.default_text == "{}" || field.default_text == "[]";
        const bool shows_default =
            !field.is_required && field.default_text && !(is_empty && !field.example.empty());
        const std::string& value = shows_default ? *field.default_text : field.example;
        setting(indent, value_on, fmt::format("{}: {}", field.name, value));
    }

    void item(const Schema& schema, size_t indent) {
        bool is_first = true;
        for (const Field& field : schema.fields()) {
            prose(is_first ? indent : indent + 2, help(field));
            const std::string& value = field.default_text ? *field.default_text : field.example;
            setting(
                is_first ? indent : indent + 2,
                false,
                fmt::format("{}{}: {}", is_first ? "- " : "", field.name, value)
            );
            is_first = false;
        }
    }

    void components(const Field& field, size_t indent, bool is_on) {
        is_on = is_on && !field.components.empty() && !field.is_off_in_example;
        setting(indent, is_on, field.name + ":");
        bool is_first = true;
        for (const Schema* schema : field.components) {
            const bool component_on = is_on && is_first;
            prose(indent + 2, schema->summary());
            component(*schema, indent + 2, component_on);
            is_first = false;
        }
    }

    std::string out_;
};

}  // namespace

std::string component_example(const std::string& section, const Schema& schema) {
    ExampleWriter writer;
    writer.setting(0, true, section + ":");
    writer.component(schema, 2, true);
    return writer.take();
}

std::string example_file(const Schema& root, std::string_view file_name) {
    ExampleWriter writer;
    writer.prose(0, "SPDX-License-Identifier: Apache-2.0");
    writer.prose(0, root.summary());
    writer.prose(
        0,
        fmt::format(
            "Every key of {}. A `#` right before a key: the setting is off or at the value shown; "
            "remove the `#` to change it.",
            file_name
        )
    );
    writer.prose(
        0,
        "References in values: ${VAR}, ${VAR:-default}, ${file:/path}, ${credential:name}; $$ is "
        "one $."
    );
    writer.prose(0, "Generated from the schemas; docs/reference/config.md says more.");
    writer.object(root, 0, true);
    return writer.take();
}

}  // namespace seyir::config
