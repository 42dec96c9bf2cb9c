// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/config/reference/reference.hpp"

namespace seyir::config {
namespace {

std::string object_schema(const Schema& schema, const std::string& type_name);

constexpr std::string_view kReference = R"({"type":"string","pattern":"\\$\\{"})";

std::string or_reference(const std::string& schema) {
    return fmt::format(R"("anyOf":[{{{}}},{}])", schema, kReference);
}

std::string enum_list(const Field& field) {
    std::string list;
    for (const EnumChoice& choice : field.choices) {
        list += (list.empty() ? "" : ",") + json_quote(choice.name);
    }
    return list;
}

/// The keywords of a field, without the braces around them.
std::string keywords(const Field& field) {
    switch (field.type) {
        case Type::kBool:
            return or_reference(R"("type":"boolean")");
        case Type::kInt:
            return or_reference(
                fmt::format(R"("type":"integer","minimum":{},"maximum":{})", field.min, field.max)
            );
        case Type::kEnum:
            return or_reference(fmt::format(R"("enum":[{}])", enum_list(field)));
        case Type::kBytes:
            return R"("type":["string","integer"])";
        case Type::kString:
            return field.allows_empty ? R"("type":["string","number","boolean"])"
                                      : R"("type":["string","number","boolean"],"minLength":1)";
        case Type::kList:
            return fmt::format(
                R"("anyOf":[{{"type":"array","minItems":{},"maxItems":{},"items":{{{}}}}},{{{}}}])",
                field.min,
                field.max,
                keywords(*field.item),
                keywords(*field.item)
            );
        case Type::kMap:
            return fmt::format(
                R"("type":["object","null"],"maxProperties":{},"propertyNames":{{"pattern":{}}},"additionalProperties":{{{}}})",
                field.max,
                field.key_rule == KeyRule::kLabel       ? R"("^[a-zA-Z_][a-zA-Z0-9_]*$")"
                : field.key_rule == KeyRule::kAttribute ? R"("^[^\\u0000-\\u001f]+$")"
                                                        : R"("^[a-z][a-z0-9_-]*$")",
                keywords(*field.item)
            );
        case Type::kObject:
            return object_schema(*field.object, "");
        case Type::kAny:
            return "";
        case Type::kComponents: {
            std::string kinds;
            for (const Schema* kind : field.components) {
                kinds += fmt::format(
                    "{}{{{}}}", kinds.empty() ? "" : ",", object_schema(*kind, kind->name())
                );
            }
            return fmt::format(
                R"("type":["object","null"],"maxProperties":{},"propertyNames":{{"pattern":"^[a-z][a-z0-9_-]*$"}},"additionalProperties":{})",
                field.max,
                kinds.empty() ? "false" : fmt::format(R"({{"oneOf":[{}]}})", kinds)
            );
        }
        default:
            return R"("type":"string","minLength":1)";
    }
}

std::string property(const Field& field) {
    std::string text = keywords(field);
    if (!field.help.empty()) {
        text += (text.empty() ? "\"description\":" : ",\"description\":") + json_quote(field.help);
    }
    if (field.default_text && field.type != Type::kMap && field.type != Type::kList &&
        field.type != Type::kComponents) {
        text += ",\"default\":" + json_quote(*field.default_text);
    }
    if (!field.deprecated.empty()) {
        text += ",\"deprecated\":true";
    }
    return fmt::format("{}:{{{}}}", json_quote(field.name), text);
}

std::string object_schema(const Schema& schema, const std::string& type_name) {
    std::string properties;
    std::string required;
    if (!type_name.empty()) {
        // `type: null` without quotes is YAML's null to an editor and our output's name to us.
        properties = type_name == "null"
                         ? R"("type":{"enum":["null",null]})"
                         : fmt::format(R"("type":{{"const":{}}})", json_quote(type_name));
        required = "\"type\"";
    }
    for (const Field& field : schema.fields()) {
        properties += (properties.empty() ? "" : ",") + property(field);
        if (field.is_required) {
            required += (required.empty() ? "" : ",") + json_quote(field.name);
        }
    }
    return fmt::format(
        R"("type":{},"description":{},"properties":{{{}}},"required":[{}],"additionalProperties":false)",
        required.empty() ? R"(["object","null"])" : R"("object")",
        json_quote(schema.summary()),
        properties,
        required
    );
}

}  // namespace

std::string json_schema(const Schema& root) {
    return fmt::format(
        R"({{"$schema":"https://json-schema.org/draft/2020-12/schema","title":{},{}}})",
        json_quote("seyir-" + root.name()),
        object_schema(root, "")
    );
}

}  // namespace seyir::config
