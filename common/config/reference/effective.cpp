// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/base/url_mask.hpp"
#include "common/config/reference/reference.hpp"
#include "common/config/schema/object_reader.hpp"

namespace seyir::config {
namespace {

std::string quoted(const std::string& text) {
    std::string out;
    for (const char c : json_quote(text)) {
        out += c == '$' ? "$$" : std::string(1, c);
    }
    return out;
}

/// Plain where YAML reads it back as the same text; else in double quotes.
std::string scalar(const std::string& text) {
    const auto is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '/' || c == '-';
    };
    const bool is_safe = !text.empty() && text[0] != '-' && std::ranges::all_of(text, is_plain);
    if (is_safe) {
        return text;
    }
    return quoted(text);
}

/// Text that YAML types as a number, true, false or null stays what it is.
std::string free_scalar(const Node& node) {
    double number = 0;
    const char* end = node.text.data() + node.text.size();
    const auto read = std::from_chars(node.text.data(), end, number);
    const bool is_number = read.ec == std::errc{} && read.ptr == end &&
                           node.text.find_first_of("0123456789") != std::string::npos;
    const bool is_typed =
        node.is_plain && !node.is_expanded &&
        (node.is_null() || node.text == "true" || node.text == "false" || is_number);
    return node.is_confidential             ? "\"***\""
           : is_typed && !node.text.empty() ? node.text
           : is_typed                       ? "null"
                                            : quoted(node.text);
}

/// In flow style. References are replaced in values only: a `$` in a key is nothing special.
std::string free_form(const Node& node) {
    if (node.is_scalar()) {
        return free_scalar(node);
    }
    std::string out;
    for (const Node* item : node.items) {
        out += (out.empty() ? "" : ", ") + free_form(*item);
    }
    for (const Entry& entry : node.entries) {
        out += (out.empty() ? "" : ", ") + json_quote(entry.key->text) + ": ";
        out += looks_secret(entry.key->text) ? "\"***\"" : free_form(*entry.value);
    }
    return node.is_map() ? "{" + out + "}" : "[" + out + "]";
}

std::string shown_value(const Field& field, const Node& node) {
    if (field.type == Type::kAny) {
        return free_form(node);
    }
    return field.type == Type::kSecret || node.is_confidential ? "\"***\"" : scalar(node.text);
}

class EffectiveWriter {
  public:
    explicit EffectiveWriter(const SourceSet& sources) : sources_(sources) {}

    std::string take() { return mask_userinfo(std::move(out_)); }

    void object(const Node* node, const Schema& schema, size_t indent) {
        for (const Field& field : schema.fields()) {
            const Entry* entry = node == nullptr ? nullptr : node->find(field.name);
            const Node* value =
                entry == nullptr || entry->value->is_null() ? nullptr : entry->value;
            write(field, value, indent);
        }
    }

  private:
    /// A path of another directory than the main file's would mean something else in one file.
    std::string shown(const Field& field, const Node& node) const {
        const bool is_path = field.type == Type::kPath || field.type == Type::kGlob;
        const bool is_name = field.allows_name && node.text.find('/') == std::string::npos;
        const std::string& directory = sources_.directory_at(node.span.begin);
        if (is_path && !is_name && !node.is_confidential && directory != sources_.directory_at(0)) {
            return scalar(absolute_path(node.text, directory));
        }
        return shown_value(field, node);
    }

    void line(size_t indent, std::string_view text) {
        out_ += fmt::format("{:{}}{}\n", "", indent, text);
    }

    void write(const Field& field, const Node* node, size_t indent) {
        const bool has_required =
            field.object && std::ranges::any_of(field.object->fields(), &Field::is_required);
        if (field.type == Type::kObject) {
            if (node == nullptr && (has_required || !field.default_help.empty())) {
                return;  // its absence means something
            }
            line(indent, field.name + ":");
            const size_t begin = out_.size();
            object(node, *field.object, indent + 2);
            if (out_.size() == begin) {
                out_.insert(begin - 1, " {}");
            }
            return;
        }
        if (node == nullptr) {
            if (field.default_text) {
                const bool is_scalar = !field.item && field.type != Type::kComponents;
                line(
                    indent,
                    fmt::format(
                        "{}: {}",
                        field.name,
                        is_scalar ? scalar(*field.default_text) : *field.default_text
                    )
                );
            }
            return;
        }
        switch (field.type) {
            case Type::kList:
                list(field, *node, indent);
                return;
            case Type::kMap:
                map(field, *node, indent);
                return;
            case Type::kComponents:
                components(field, *node, indent);
                return;
            case Type::kAny:
                line(indent, fmt::format("{}: {}", field.name, free_form(*node)));
                return;
            default:
                line(indent, fmt::format("{}: {}", field.name, shown(field, *node)));
        }
    }

    void list(const Field& field, const Node& node, size_t indent) {
        if (field.item->type != Type::kObject) {
            std::string items = node.is_scalar() ? shown(*field.item, node) : "";
            for (const Node* item : node.items) {
                items += (items.empty() ? "" : ", ") + shown(*field.item, *item);
            }
            line(indent, fmt::format("{}: [{}]", field.name, items));
            return;
        }
        line(indent, field.name + (node.items.empty() ? ": []" : ":"));
        for (const Node* item : node.items) {
            const size_t begin = out_.size();
            object(item, *field.item->object, indent + 4);
            out_[begin + indent + 2] = '-';
        }
    }

    void map(const Field& field, const Node& node, size_t indent) {
        line(indent, field.name + (node.entries.empty() ? ": {}" : ":"));
        for (const Entry& entry : node.entries) {
            line(
                indent + 2,
                fmt::format("{}: {}", scalar(entry.key->text), shown(*field.item, *entry.value))
            );
        }
    }

    void components(const Field& field, const Node& node, size_t indent) {
        line(indent, field.name + (node.entries.empty() ? ": {}" : ":"));
        for (const Entry& entry : node.entries) {
            const Entry* type = entry.value->find("type");
            for (const Schema* schema : field.components) {
                if (type != nullptr && schema->name() == type->value->text) {
                    line(indent + 2, entry.key->text + ":");
                    line(indent + 4, "type: " + schema->name());
                    object(entry.value, *schema, indent + 4);
                }
            }
        }
    }

    const SourceSet& sources_;
    std::string out_;
};

}  // namespace

std::string effective_yaml(const Document& document, const Schema& root) {
    EffectiveWriter writer(document.sources());
    writer.object(document.root(), root, 0);
    return writer.take();
}

}  // namespace seyir::config
