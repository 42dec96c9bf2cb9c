// SPDX-License-Identifier: Apache-2.0
#include "common/config/schema/validate.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/config/schema/scalar.hpp"

namespace seyir::config {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

const ForeignName* find_foreign(const std::vector<ForeignName>& names, std::string_view name) {
    const auto it = std::ranges::find_if(names, [&](const ForeignName& foreign) {
        return equal_ignoring_case(foreign.name, name);
    });
    return it == names.end() ? nullptr : &*it;
}

std::string translation(
    std::string_view theirs, const ForeignName& foreign, std::string_view ours
) {
    return fmt::format(
        "`{}` is what {} {} `{}`",
        theirs,
        foreign.program,
        foreign.program == "other programs" ? "call" : "calls",
        ours
    );
}

std::string inside(const std::string& path) {
    return path.empty() ? std::string() : " in " + path;
}

std::string join(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

std::string_view kind_name(const Node& node) {
    return node.is_map() ? "a map" : node.is_sequence() ? "a list" : "a single value";
}

bool wants_container(Type type) {
    return type == Type::kList || type == Type::kMap || type == Type::kObject ||
           type == Type::kComponents;
}

class Validator {
  public:
    Validator(Document& document, const Schema& root, Diagnostics& diagnostics)
        : sources_(document.sources()),
          root_(root),
          diagnostics_(diagnostics),
          is_incomplete_(document.is_incomplete()) {}

    /// `has_type`: the object is a component; its `type` key was read by the caller.
    void visit_object(
        const Node& node, Span at, const Schema& schema, const std::string& path, bool has_type
    ) {
        around_.push_back({&schema, path});
        std::vector<std::string> missing = missing_notes(node, schema, path);
        for (const Entry& entry : node.entries) {
            const std::string& key = entry.key->text;
            if (has_type && key == "type") {
                continue;
            }
            const Field* known = schema.find(key);
            if (known == nullptr) {
                unknown_key(node, entry, schema, path, has_type, missing);
                continue;
            }
            if (!known->deprecated.empty()) {
                diagnostics_.add(
                    {.code = kDeprecatedKey,
                     .at = entry.key->span,
                     .message = fmt::format("`{}`{} is deprecated", key, inside(path)),
                     .hint = known->deprecated}
                );
            }
            visit_value(*entry.value, entry.key->span, *known, join(path, key));
        }
        for (const Field& field : schema.fields()) {
            const Entry* entry = node.find(field.name);
            if (is_missing(node, schema, field) && !is_told_with_unknown_key(node, schema, path)) {
                missing_key(field, entry == nullptr ? at : entry->key->span, path);
            }
        }
        around_.pop_back();
    }

  private:
    bool is_missing(const Node& node, const Schema& schema, const Field& field) const {
        const Entry* entry = node.find(field.name);
        const bool is_absent =
            entry == nullptr || (wants_container(field.type) && entry->value->is_null());
        return field.is_required && is_absent && !has_misspelt(node, schema, field) &&
               node.find("<<") == nullptr;
    }

    /// A key we do not know may have been meant for one that is missing: one mistake, told once, at
    /// the unknown key. (At the top level there are too many keys to guess.)
    bool is_told_with_unknown_key(const Node& node, const Schema& schema, const std::string& path)
        const {
        return !path.empty() && std::ranges::any_of(node.entries, [&](const Entry& entry) {
            return is_stray(node, entry, schema);
        });
    }

    /// Unknown, and not taken for one of the keys that belong here.
    bool is_stray(const Node& node, const Entry& entry, const Schema& schema) const {
        const std::string& key = entry.key->text;
        return key != "type" && schema.find(key) == nullptr &&
               suggestion(node, key, schema).empty();
    }

    std::vector<std::string> missing_notes(
        const Node& node, const Schema& schema, const std::string& path
    ) const {
        std::vector<std::string> notes;
        for (const Field& field : schema.fields()) {
            if (is_missing(node, schema, field)) {
                notes.push_back(fmt::format("`{}` is missing{}", field.name, inside(path)));
            }
        }
        return notes;
    }

    void visit_value(const Node& node, Span key, const Field& field, const std::string& path) {
        if (wants_container(field.type)) {
            if (!node.is_null()) {
                visit_container(node, field, path);
            }
            return;
        }
        if (field.type == Type::kAny && !node.is_null()) {
            return;
        }
        if (!node.is_scalar()) {
            wrong_type(node, field, path);
            return;
        }
        if (field.type == Type::kSecret || node.text.find("-----BEGIN") != std::string::npos) {
            hide_secret(sources_, node);
        }
        if (diagnostics_.is_broken(node.span)) {
            return;  // a reference in it failed
        }
        if (node.is_null()) {
            diagnostics_.add(
                {.code = kWrongType,
                 .at = key,
                 .message = fmt::format("`{}` has no value", path),
                 .hint = "give it one, or leave the key out"}
            );
            return;
        }
        const std::string shown = shown_text(sources_, node);
        if (auto problem = check_scalar(field, node.text, shown)) {
            Diagnostic diagnostic{
                .code = problem->code,
                .at = node.span,
                .message = std::move(problem->message),
                .hint = std::move(problem->hint)
            };
            if (node.is_expanded) {
                diagnostic.notes.push_back(
                    "references are replaced before the check; what they stand for is not shown"
                );
            }
            diagnostics_.add(std::move(diagnostic));
        }
    }

    void visit_container(const Node& node, const Field& field, const std::string& path) {
        switch (field.type) {
            case Type::kList:
                visit_list(node, field, path);
                return;
            case Type::kMap:
                visit_map(node, field, path);
                return;
            case Type::kComponents:
                visit_components(node, field, path);
                return;
            default:
                break;
        }
        if (!node.is_map()) {
            wrong_type(node, field, path);
            return;
        }
        visit_object(node, {node.span.begin, node.span.begin + 1}, *field.object, path, false);
    }

    void visit_list(const Node& node, const Field& field, const std::string& path) {
        const bool is_single = node.is_scalar() && !wants_container(field.item->type);
        if (is_single) {
            visit_value(node, node.span, *field.item, path);
            return;
        }
        if (!node.is_sequence()) {
            wrong_type(node, field, path);
            return;
        }
        check_count(node, node.items.size(), field, path);
        for (size_t i = 0; i < node.items.size(); ++i) {
            const Node& item = *node.items[i];
            if (wants_container(field.item->type) && item.is_null()) {
                diagnostics_.add(
                    {.code = kWrongType,
                     .at = item.span,
                     .message = fmt::format("`{}[{}]` is empty", path, i),
                     .hint = "give it keys, or remove it"}
                );
                continue;
            }
            visit_value(
                item,
                {item.span.begin, item.span.begin + 1},
                *field.item,
                fmt::format("{}[{}]", path, i)
            );
        }
    }

    void visit_map(const Node& node, const Field& field, const std::string& path) {
        if (!node.is_map()) {
            wrong_type(node, field, path);
            return;
        }
        check_count(node, node.entries.size(), field, path);
        for (const Entry& entry : node.entries) {
            if (check_name(*entry.key, field.key_rule)) {
                visit_value(
                    *entry.value, entry.key->span, *field.item, join(path, entry.key->text)
                );
            }
        }
    }

    void visit_components(const Node& node, const Field& field, const std::string& path) {
        if (!node.is_map()) {
            wrong_type(node, field, path);
            return;
        }
        check_count(node, node.entries.size(), field, path);
        for (const Entry& entry : node.entries) {
            if (check_name(*entry.key, KeyRule::kComponent)) {
                visit_component(entry, field, join(path, entry.key->text));
            }
        }
    }

    void visit_component(const Entry& entry, const Field& field, const std::string& path) {
        if (!entry.value->is_map()) {
            diagnostics_.add(
                {.code = kWrongType,
                 .at = entry.value->is_null() ? entry.key->span : entry.value->span,
                 .message = fmt::format(
                     "`{}` must be a map with a `type`, not {}",
                     path,
                     entry.value->is_null() ? "empty" : kind_name(*entry.value)
                 ),
                 .hint = type_list(field)}
            );
            return;
        }
        const Entry* type = entry.value->find("type");
        if (type == nullptr && entry.value->find("<<") != nullptr) {
            return;  // a merge key, which was reported
        }
        if (type == nullptr || !type->value->is_scalar() || type->value->text.empty()) {
            // (`type: null` is the output of that name, not YAML's null.)
            diagnostics_.add(
                {.code = kMissingKey,
                 .at = type == nullptr ? entry.key->span : type->key->span,
                 .message = fmt::format("`{}` has no `type`", path),
                 .hint = type_list(field)}
            );
            return;
        }
        const auto kind = std::ranges::find_if(field.components, [&](const Schema* schema) {
            return schema->name() == type->value->text;
        });
        if (kind == field.components.end()) {
            unknown_type(*type->value, field, path);
            return;
        }
        visit_object(*entry.value, entry.key->span, **kind, path, true);
    }

    void check_count(const Node& node, size_t count, const Field& field, const std::string& path) {
        if ((count >= field.min || is_incomplete_) && count <= field.max) {
            return;
        }
        diagnostics_.add(
            {.code = kItemCount,
             .at = Span{node.span.begin, node.span.begin + 1},
             .message = fmt::format("`{}` has {} entries", path, count),
             .hint = count < field.min ? fmt::format("at least {}", field.min)
                                       : fmt::format("at most {}", field.max)}
        );
    }

    bool check_name(const Node& key, KeyRule rule) {
        const bool is_label = rule == KeyRule::kLabel;
        if (rule == KeyRule::kAttribute) {
            if (is_config_attribute_name(key.text)) {
                return true;
            }
            diagnostics_.add(
                {.code = kBadName,
                 .at = key.span,
                 .message = "this cannot be used as an attribute name",
                 .hint = "1 to 1024 bytes without control characters"}
            );
            return false;
        }
        if (is_label ? is_config_label_name(key.text) : is_component_id(key.text)) {
            return true;
        }
        diagnostics_.add(
            {.code = kBadName,
             .at = key.span,
             .message = fmt::format(
                 "`{}` cannot be used as a {}", key.text, is_label ? "label name" : "name"
             ),
             .hint = is_label ? "letters, digits and `_`, no digit first, at most 128"
                              : "small letters, digits, `_` and `-`, a letter first, at most 64"}
        );
        return false;
    }

    void wrong_type(const Node& node, const Field& field, const std::string& path) {
        const std::string_view want = field.type == Type::kList     ? "a list"
                                      : wants_container(field.type) ? "a map"
                                                                    : "a single value";
        Diagnostic diagnostic{
            .code = kWrongType,
            .at = node.is_scalar() ? node.span : Span{node.span.begin, node.span.begin + 1},
            .message = fmt::format("`{}` must be {}, not {}", path, want, kind_name(node))
        };
        if (!field.example.empty()) {
            diagnostic.hint = fmt::format("like `{}: {}`", field.name, field.example);
        }
        diagnostics_.add(std::move(diagnostic));
    }

    void missing_key(const Field& field, Span at, const std::string& path) {
        if (path.empty() && is_incomplete_) {
            return;
        }
        Diagnostic diagnostic{
            .code = kMissingKey,
            .at = at,
            .message = path.empty() ? fmt::format("`{}` is missing", field.name)
                                    : fmt::format("`{}` is missing in {}", field.name, path)
        };
        if (!field.example.empty() && field.example.find('\n') == std::string::npos) {
            diagnostic.hint = fmt::format("add `{}: {}`", field.name, field.example);
        }
        diagnostics_.add(std::move(diagnostic));
    }

    /// True when an unknown key of `node` is taken for `field`: then only that key is reported.
    bool has_misspelt(const Node& node, const Schema& schema, const Field& field) const {
        return std::ranges::any_of(node.entries, [&](const Entry& entry) {
            return schema.find(entry.key->text) == nullptr &&
                   suggestion(node, entry.key->text, schema) == field.name;
        });
    }

    /// The key legal here that is meant by `key`, or "".
    std::string suggestion(const Node& node, std::string_view key, const Schema& schema) const {
        for (const Field& field : schema.fields()) {
            if (find_foreign(field.foreign, key) != nullptr ||
                equal_ignoring_case(field.name, key)) {
                return field.name;
            }
        }
        if (!place_below(key, schema).empty() || !place_around(key).empty()) {
            return "";  // right, but elsewhere
        }
        std::vector<std::string_view> legal;
        for (const Field& field : schema.fields()) {
            if (field.deprecated.empty() && node.find(field.name) == nullptr) {
                legal.push_back(field.name);
            }
        }
        return std::string(did_you_mean(key, legal).value_or(""));
    }

    /// How a key that belongs into a map of this map is written there, or "".
    static std::string place_below(std::string_view key, const Schema& schema) {
        for (const Field& field : schema.fields()) {
            if (!field.object) {
                continue;
            }
            const bool is_dotted = key.size() > field.name.size() + 1 &&
                                   key.starts_with(field.name) && key[field.name.size()] == '.';
            const std::string_view inner = is_dotted ? key.substr(field.name.size() + 1) : key;
            for (const Field& candidate : field.object->fields()) {
                if (candidate.name == inner || find_foreign(candidate.foreign, key) != nullptr) {
                    return fmt::format("{}: {{ {}: ... }}", field.name, candidate.name);
                }
            }
            if (const std::string deeper = place_below(inner, *field.object); !deeper.empty()) {
                return fmt::format("{}: {{ {} }}", field.name, deeper);
            }
        }
        return "";
    }

    /// What to do with a key that belongs into a map around this one, or "".
    std::string place_around(std::string_view key) const {
        for (size_t i = around_.size(); i-- > 1;) {
            const Level& level = around_[i - 1];
            for (const Field& field : level.schema->fields()) {
                const bool is_ours = field.name == key;
                // (`labels` of an input, say: names of other programs only from the top level.)
                if (is_ours || (level.path.empty() && !field.item && !field.object &&
                                find_foreign(field.foreign, key) != nullptr)) {
                    return fmt::format(
                        "{} belongs at {}",
                        is_ours ? "it" : fmt::format("`{}`", field.name),
                        level.path.empty() ? "the top level" : fmt::format("`{}`", level.path)
                    );
                }
            }
        }
        return "";
    }

    /// `nosuch` is one of ours, but not here.
    std::string place_hint(std::string_view key, const Schema& schema) const {
        if (const std::string below = place_below(key, schema); !below.empty()) {
            return fmt::format("write `{}`", below);
        }
        return place_around(key);
    }

    void unknown_key(
        const Node& parent,
        const Entry& entry,
        const Schema& schema,
        const std::string& path,
        bool has_type,
        std::vector<std::string>& missing
    ) {
        const Node& key = *entry.key;
        Diagnostic diagnostic{
            .code = kUnknownKey,
            .at = key.span,
            .message = fmt::format("unknown key `{}`{}", key.text, inside(path))
        };
        const std::string meant = suggestion(parent, key.text, schema);
        if (!meant.empty()) {
            const Field* field = schema.find(meant);
            diagnostic.hint = fmt::format("did you mean `{}`?", meant);
            if (const ForeignName* foreign = find_foreign(field->foreign, key.text)) {
                diagnostic.notes.push_back(translation(key.text, *foreign, meant));
            }
        }
        if (meant.empty()) {
            diagnostic.hint = place_hint(key.text, schema);
        }
        hide_if_like_secret(entry, schema);
        std::string allowed = has_type ? "type" : "";
        for (const Field& field : schema.fields()) {
            if (field.deprecated.empty()) {
                allowed += (allowed.empty() ? "" : ", ") + field.name;
            }
        }
        diagnostic.notes.push_back("allowed here: " + allowed);
        if (meant.empty() && !path.empty()) {
            std::ranges::move(missing, std::back_inserter(diagnostic.notes));
            missing.clear();
        }
        diagnostics_.add(std::move(diagnostic));
    }

    /// `tokn: abc` must not put `abc` on the screen.
    void hide_if_like_secret(const Entry& entry, const Schema& schema) {
        const std::array<std::string_view, 3> secrets = {"token", "secret", "password"};
        bool is_secret = did_you_mean(entry.key->text, secrets).has_value();
        for (const Field& field : schema.fields()) {
            is_secret |= field.type == Type::kSecret &&
                         find_foreign(field.foreign, entry.key->text) != nullptr;
        }
        if (is_secret) {
            hide_secret(sources_, *entry.value);
        }
    }

    std::string type_list(const Field& field) const {
        std::string list;
        for (const Schema* schema : field.components) {
            list += (list.empty() ? "" : ", ") + schema->name();
        }
        return list.empty() ? "this version has none to configure" : "types: " + list;
    }

    /// `redact` under `inputs`: a type of ours in the wrong map.
    std::string other_section(std::string_view type, const Field& here) const {
        for (const Field& section : root_.fields()) {
            for (const Schema* schema : section.components) {
                if (section.name != here.name && schema->name() == type) {
                    return fmt::format("`{}` belongs under `{}`", type, section.name);
                }
            }
        }
        return "";
    }

    bool is_plugin_refused() const {
        return std::ranges::any_of(diagnostics_.sorted(), [](const Diagnostic& known) {
            return known.code == kPluginRefused;
        });
    }

    void unknown_type(const Node& type, const Field& field, const std::string& path) {
        Diagnostic diagnostic{
            .code = kUnknownType,
            .at = type.span,
            .message = fmt::format("unknown type `{}` in {}", shown_text(sources_, type), path)
        };
        std::vector<std::string_view> names;
        for (const Schema* schema : field.components) {
            names.push_back(schema->name());
            if (const ForeignName* foreign = find_foreign(schema->foreign(), type.text)) {
                diagnostic.hint = fmt::format("did you mean `{}`?", schema->name());
                diagnostic.notes.push_back(translation(type.text, *foreign, schema->name()));
            }
        }
        const auto near = did_you_mean(type.text, names);
        if (diagnostic.hint.empty() && !near && is_plugin_refused()) {
            return;  // a type of the plugin that was refused
        }
        if (diagnostic.hint.empty()) {
            diagnostic.hint = other_section(type.text, field);
        }
        if (diagnostic.hint.empty() && near) {
            diagnostic.hint = fmt::format("did you mean `{}`?", *near);
        }
        diagnostic.notes.push_back(type_list(field));
        diagnostics_.add(std::move(diagnostic));
    }

    /// The maps around the one that is looked at, outermost first.
    struct Level {
        const Schema* schema;
        std::string path;
    };

    SourceSet& sources_;
    const Schema& root_;
    Diagnostics& diagnostics_;
    bool is_incomplete_;
    std::vector<Level> around_;
};

}  // namespace

std::string shown_text(const SourceSet& sources, const Node& node) {
    constexpr size_t kQuotedBytesMax = 80;
    std::string text = node.text;
    if (node.is_expanded) {
        std::string_view raw = sources.slice(node.span);
        const bool is_quoted = raw.size() >= 2 && !node.is_plain && raw[0] == raw.back();
        text = is_quoted ? raw.substr(1, raw.size() - 2) : raw;
    }
    if (text.size() > kQuotedBytesMax) {
        size_t cut = kQuotedBytesMax;
        while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0U) == 0x80U) {
            --cut;
        }
        text = text.substr(0, cut) + "...";
    }
    for (char& c : text) {
        c = static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
    return text;
}

void validate(Document& document, const Schema& schema, Diagnostics& diagnostics) {
    const Node* root = document.root();
    if (root == nullptr || root->is_null()) {
        if (!diagnostics.has_errors()) {
            diagnostics.add(
                {.code = kMissingKey,
                 .message = "the file is empty",
                 .hint = "start with `version: 1`"}
            );
        }
        return;
    }
    if (!root->is_map()) {
        diagnostics.add(
            {.code = kWrongType,
             .at = Span{root->span.begin, root->span.begin + 1},
             .message = fmt::format("the file must be a map, not {}", kind_name(*root)),
             .hint = "start with `version: 1`"}
        );
        return;
    }
    Validator(document, schema, diagnostics).visit_object(*root, {0, 1}, schema, "", false);
}

}  // namespace seyir::config
