// SPDX-License-Identifier: Apache-2.0
#include "common/config/schema/schema.hpp"

#include <algorithm>
#include <utility>

#include "common/base/assert.hpp"

namespace seyir::config {

std::string_view to_string(Type type) {
    switch (type) {
        case Type::kString:
            return "string";
        case Type::kBool:
            return "bool";
        case Type::kInt:
            return "integer";
        case Type::kBytes:
            return "size";
        case Type::kDuration:
            return "duration";
        case Type::kEnum:
            return "choice";
        case Type::kListen:
            return "listen address";
        case Type::kEndpoint:
            return "host:port";
        case Type::kSecret:
            return "secret";
        case Type::kPath:
            return "path";
        case Type::kGlob:
            return "path pattern";
        case Type::kTime:
            return "time";
        case Type::kList:
            return "list";
        case Type::kMap:
            return "map";
        case Type::kObject:
            return "map";
        case Type::kComponents:
            return "map of components";
        case Type::kAny:
            return "any value";
    }
    return "";
}

Field& Field::required() {
    is_required = true;
    return *this;
}

Field& Field::describe(std::string text) {
    help = std::move(text);
    return *this;
}

Field& Field::or_else(std::string yaml_text) {
    default_text = std::move(yaml_text);
    return *this;
}

Field& Field::or_else_described(std::string text) {
    default_help = std::move(text);
    return *this;
}

Field& Field::show(std::string yaml_text) {
    example = std::move(yaml_text);
    return *this;
}

Field& Field::between(uint64_t lowest, uint64_t highest) {
    min = lowest;
    max = highest;
    return *this;
}

Field& Field::may_be_off() {
    allows_off = true;
    return *this;
}

Field& Field::off_in_example() {
    is_off_in_example = true;
    return *this;
}

Field& Field::may_be_empty() {
    allows_empty = true;
    return *this;
}

Field& Field::may_be_name() {
    allows_name = true;
    return *this;
}

Field& Field::choice(std::string choice_name, std::string choice_help) {
    choices.push_back({std::move(choice_name), std::move(choice_help)});
    return *this;
}

Field& Field::elsewhere(std::string_view program, std::vector<std::string> names) {
    for (std::string& foreign_name : names) {
        foreign.push_back({std::move(foreign_name), std::string(program)});
    }
    return *this;
}

Field& Field::replaced_by(std::string instead) {
    deprecated = std::move(instead);
    return *this;
}

Field field(std::string name, Type type) {
    Field field;
    field.name = std::move(name);
    field.type = type;
    return field;
}

Field list_of(std::string name, Field item) {
    Field list = field(name, Type::kList);
    item.name = name;
    list.item = std::make_shared<const Field>(std::move(item));
    return list;
}

Field map_of(std::string name, KeyRule rule, Field value) {
    Field map = field(name, Type::kMap);
    map.key_rule = rule;
    value.name = name;
    map.item = std::make_shared<const Field>(std::move(value));
    return map;
}

Field object(std::string name, Schema schema) {
    Field nested = field(std::move(name), Type::kObject);
    nested.object = std::make_shared<const Schema>(std::move(schema));
    return nested;
}

Field components(std::string name, std::vector<const Schema*> kinds) {
    Field map = field(std::move(name), Type::kComponents);
    map.components = std::move(kinds);
    return map;
}

Schema::Schema(std::string name, std::string summary)
    : name_(std::move(name)), summary_(std::move(summary)), example_id_(name_) {}

Schema& Schema::with(Field field) {
    SEYIR_ASSERT(find(field.name) == nullptr);
    fields_.push_back(std::move(field));
    return *this;
}

Schema& Schema::elsewhere(std::string_view program, std::vector<std::string> names) {
    for (std::string& foreign_name : names) {
        foreign_.push_back({std::move(foreign_name), std::string(program)});
    }
    return *this;
}

Schema& Schema::example_id(std::string id) {
    example_id_ = std::move(id);
    return *this;
}

const Field* Schema::find(std::string_view name) const {
    const auto it = std::ranges::find(fields_, name, &Field::name);
    return it == fields_.end() ? nullptr : &*it;
}

bool is_component_id(std::string_view id) {
    const auto is_rest = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    return !id.empty() && id.size() <= 64 && id[0] >= 'a' && id[0] <= 'z' &&
           std::ranges::all_of(id, is_rest);
}

bool is_config_attribute_name(std::string_view name) {
    const auto is_control = [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    };
    return !name.empty() && name.size() <= 1024 && std::ranges::none_of(name, is_control);
}

bool is_config_label_name(std::string_view name) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    const auto is_rest = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
    return !name.empty() && name.size() <= 128 && is_letter(name[0]) &&
           std::ranges::all_of(name, is_rest);
}

}  // namespace seyir::config
