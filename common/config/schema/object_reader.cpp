// SPDX-License-Identifier: Apache-2.0
#include "common/config/schema/object_reader.hpp"

#include <algorithm>

#include "common/base/assert.hpp"
#include "common/base/units.hpp"
#include "common/config/inner_span.hpp"

namespace seyir::config {
namespace {

/// `[a, "b"]` as schemas write default lists: flow style, no commas inside items.
std::vector<std::string> default_items(std::string_view text) {
    std::vector<std::string> items;
    std::string item;
    for (const char c : text) {
        if (c == ',' || c == ']') {
            if (!item.empty()) {
                items.push_back(item);
            }
            item.clear();
        } else if (c != '[' && c != ' ' && c != '"') {
            item += c;
        }
    }
    return items;
}

/// "/a/./b/../c" -> "/a/c", by the text alone.
std::string without_dots(std::string_view path) {
    std::vector<std::string_view> parts;
    for (size_t at = 0; at < path.size();) {
        const size_t end = std::min(path.find('/', at), path.size());
        const std::string_view part = path.substr(at, end - at);
        if (part == "..") {
            if (!parts.empty()) {
                parts.pop_back();
            }
        } else if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
        at = end + 1;
    }
    std::string out;
    for (const std::string_view part : parts) {
        out += "/";
        out += part;
    }
    return path.ends_with('/') ? out + "/" : out;
}

}  // namespace

std::string absolute_path(std::string_view path, std::string_view directory) {
    if (path.empty() || path[0] == '/') {
        return std::string(path);
    }
    return without_dots(std::string(directory) + "/" + std::string(path));
}

ObjectReader::ObjectReader(const Node* node, const Schema& schema, const ReadContext& context)
    : node_(node != nullptr && node->is_map() ? node : nullptr),
      schema_(&schema),
      context_(&context) {}

const Field& ObjectReader::get(std::string_view key, std::initializer_list<Type> types) const {
    const Field* field = schema_->find(key);
    SEYIR_ASSERT(field != nullptr);
    SEYIR_ASSERT(types.size() == 0 || std::ranges::find(types, field->type) != types.end());
    return *field;
}

const Node* ObjectReader::value(std::string_view key) const {
    const Entry* entry = node_ == nullptr ? nullptr : node_->find(key);
    return entry == nullptr || entry->value->is_null() ? nullptr : entry->value;
}

bool ObjectReader::has(std::string_view key) const {
    get(key, {});
    return value(key) != nullptr;
}

Span ObjectReader::span(std::string_view key) const {
    const Node* found = value(key);
    if (found != nullptr) {
        return found->span;
    }
    return node_ == nullptr ? Span{} : Span{node_->span.begin, node_->span.begin + 1};
}

Span ObjectReader::key_span(std::string_view key) const {
    const Entry* entry = node_ == nullptr ? nullptr : node_->find(key);
    return entry == nullptr ? span(key) : entry->key->span;
}

Span ObjectReader::inner_span(std::string_view key, size_t offset_bytes, size_t length_bytes)
    const {
    const Node* found = value(key);
    return found == nullptr ? span(key) : inner_span(*found, offset_bytes, length_bytes);
}

Span ObjectReader::inner_span(const Node& node, size_t offset_bytes, size_t length_bytes) const {
    return context_->sources == nullptr
               ? node.span
               : config::inner_span(*context_->sources, node, offset_bytes, length_bytes);
}

const Node* ObjectReader::item_node(std::string_view key, size_t index) const {
    const auto items = list(get(key, {Type::kList}));
    return index < items.size() ? items[index] : nullptr;
}

Span ObjectReader::item_span(std::string_view key, size_t index) const {
    const auto items = list(get(key, {Type::kList}));
    return index < items.size() ? items[index]->span : span(key);
}

std::string ObjectReader::scalar_text(const Field& field) const {
    const Node* found = value(field.name);
    if (found != nullptr && found->is_scalar() && !check_scalar(field, found->text, found->text)) {
        return found->text;
    }
    return field.default_text.value_or("");
}

std::string ObjectReader::absolute(const std::string& text, const Node* written) const {
    const std::string& directory = written != nullptr && context_->sources != nullptr
                                       ? context_->sources->directory_at(written->span.begin)
                                       : context_->base_directory;
    return absolute_path(text, directory);
}

std::string ObjectReader::string(std::string_view key) const {
    return scalar_text(get(key, {Type::kString, Type::kSecret, Type::kEnum}));
}

std::string ObjectReader::path(std::string_view key) const {
    const Field& field = get(key, {Type::kPath, Type::kGlob});
    return absolute(scalar_text(field), value(key));
}

bool ObjectReader::boolean(std::string_view key) const {
    return parse_bool(scalar_text(get(key, {Type::kBool}))).value_or(false);
}

int64_t ObjectReader::integer(std::string_view key) const {
    return parse_int(scalar_text(get(key, {Type::kInt}))).value_or(0);
}

uint64_t ObjectReader::bytes(std::string_view key) const {
    return parse_bytes(scalar_text(get(key, {Type::kBytes}))).value_or(0);
}

Nanos ObjectReader::duration(std::string_view key) const {
    return parse_duration(scalar_text(get(key, {Type::kDuration}))).value_or(Nanos(0));
}

std::optional<UnixNanos> ObjectReader::time(std::string_view key) const {
    const auto parsed = parse_time(scalar_text(get(key, {Type::kTime})));
    return parsed ? std::optional(*parsed) : std::nullopt;
}

std::optional<Address> ObjectReader::address(std::string_view key) const {
    const Field& field = get(key, {Type::kListen, Type::kEndpoint});
    const auto parsed = parse_address(scalar_text(field), field.type == Type::kListen);
    return parsed ? std::optional(*parsed) : std::nullopt;
}

std::vector<const Node*> ObjectReader::list(const Field& field) const {
    std::vector<const Node*> nodes;
    const Node* found = value(field.name);
    if (found != nullptr && found->is_sequence()) {
        nodes.assign(found->items.begin(), found->items.end());
    } else if (found != nullptr && found->is_scalar()) {
        nodes.push_back(found);
    }
    return nodes;
}

std::vector<std::string> ObjectReader::strings(std::string_view key) const {
    const Field& field = get(key, {Type::kList});
    std::vector<std::string> values;
    if (value(key) == nullptr) {
        return default_items(field.default_text.value_or(""));
    }
    for (const Node* item : list(field)) {
        if (item->is_scalar()) {
            values.push_back(item->text);
        }
    }
    return values;
}

std::vector<std::string> ObjectReader::paths(std::string_view key) const {
    std::vector<std::string> paths = strings(key);
    const auto written = list(get(key, {Type::kList}));
    for (size_t i = 0; i < paths.size(); ++i) {
        paths[i] = absolute(paths[i], i < written.size() ? written[i] : nullptr);
    }
    return paths;
}

std::vector<std::string> ObjectReader::absolute(std::vector<std::string> paths) const {
    for (std::string& path : paths) {
        path = absolute(path, node_);
    }
    return paths;
}

std::vector<Address> ObjectReader::addresses(std::string_view key) const {
    const Field& field = get(key, {Type::kList});
    std::vector<Address> values;
    for (const std::string& text : strings(key)) {
        if (auto address = parse_address(text, field.item->type == Type::kListen)) {
            values.push_back(std::move(*address));
        }
    }
    return values;
}

StringPairs ObjectReader::pairs(std::string_view key) const {
    get(key, {Type::kMap});
    StringPairs values;
    if (const Node* found = value(key)) {
        for (const Entry& entry : found->entries) {
            values.emplace_back(entry.key->text, entry.value->text);
        }
    }
    return values;
}

const Node* ObjectReader::any(std::string_view key) const {
    get(key, {Type::kAny});
    return value(key);
}

std::vector<const Node*> ObjectReader::any_items(std::string_view key) const {
    const Field& field = get(key, {Type::kList});
    SEYIR_ASSERT(field.item->type == Type::kAny);
    return list(field);
}

ObjectReader ObjectReader::nested(std::string_view key) const {
    const Field& field = get(key, {Type::kObject});
    return {value(key), *field.object, *context_};
}

std::vector<ObjectReader> ObjectReader::objects(std::string_view key) const {
    const Field& field = get(key, {Type::kList});
    SEYIR_ASSERT(field.item->type == Type::kObject);
    std::vector<ObjectReader> readers;
    for (const Node* item : list(field)) {
        if (item->is_map()) {
            readers.emplace_back(item, *field.item->object, *context_);
        }
    }
    return readers;
}

std::vector<std::pair<std::string, Span>> ObjectReader::component_names(std::string_view key
) const {
    get(key, {Type::kComponents});
    std::vector<std::pair<std::string, Span>> names;
    if (const Node* map = value(key)) {
        for (const Entry& entry : map->entries) {
            names.emplace_back(entry.key->text, entry.key->span);
        }
    }
    return names;
}

std::vector<ObjectReader::Component> ObjectReader::components(std::string_view key) const {
    const Field& field = get(key, {Type::kComponents});
    std::vector<Component> found;
    const Node* map = value(key);
    if (map == nullptr) {
        return found;
    }
    for (const Entry& entry : map->entries) {
        const Entry* type = entry.value->find("type");
        if (type == nullptr) {
            continue;
        }
        for (const Schema* schema : field.components) {
            if (schema->name() == type->value->text) {
                found.push_back(
                    {entry.key->text,
                     schema->name(),
                     entry.key->span,
                     ObjectReader(entry.value, *schema, *context_)}
                );
            }
        }
    }
    return found;
}

}  // namespace seyir::config
