// SPDX-License-Identifier: Apache-2.0
#include "common/config/merge.hpp"

#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

namespace seyir::config {
namespace {

class Merger {
  public:
    Merger(Document& document, Diagnostics& diagnostics)
        : document_(document), diagnostics_(diagnostics) {}

    void maps(Node& into, const Node& from, const Schema& schema, const std::string& path) {
        const Index index = index_of(into);
        for (const Entry& entry : from.entries) {
            const std::string& key = entry.key->text;
            const auto at = index.find(key);
            const Field* field = schema.find(key);
            if (at == index.end() || field == nullptr) {
                into.entries.push_back(entry);  // an unknown key is an error wherever it stands
                continue;
            }
            const std::string inner = path.empty() ? key : fmt::format("{}.{}", path, key);
            if (entry.value->is_null()) {
                continue;
            }
            if (into.entries[at->second].value->is_null()) {
                into.entries[at->second] = entry;
                continue;
            }
            value(into, at->second, entry, *field, inner);
        }
    }

  private:
    /// Keys of a map with their positions: files may hold tens of thousands.
    using Index = std::unordered_map<std::string_view, size_t>;

    static Index index_of(const Node& map) {
        Index index;
        for (size_t i = 0; i < map.entries.size(); ++i) {
            index.emplace(map.entries[i].key->text, i);
        }
        return index;
    }

    void value(
        Node& parent, size_t at, const Entry& entry, const Field& field, const std::string& path
    ) {
        Entry& known = parent.entries[at];
        const bool are_maps = known.value->is_map() && entry.value->is_map();
        const bool has_entries = field.type == Type::kComponents || field.type == Type::kMap;
        if (field.type == Type::kList) {
            append(known, *entry.value);
        } else if (are_maps && field.type == Type::kObject) {
            known.value = copy(*known.value);
            maps(*known.value, *entry.value, *field.object, path);
        } else if (are_maps && has_entries) {
            known.value = copy(*known.value);
            join(*known.value, *entry.value, field, path);
        } else if (known.value->is_scalar() && entry.value->is_scalar()) {
            const bool may_repeat = path == "version" && known.value->text == entry.value->text;
            if (!may_repeat) {
                twice(*known.key, *entry.key, fmt::format("`{}` is set in two files", path));
            }
        } else {
            parent.entries.push_back(entry);  // one of them has the wrong shape, which is reported
        }
    }

    void join(Node& into, const Node& from, const Field& field, const std::string& path) {
        const Index index = index_of(into);
        for (const Entry& entry : from.entries) {
            const auto at = index.find(entry.key->text);
            if (at == index.end()) {
                into.entries.push_back(entry);
                continue;
            }
            const Entry& known = into.entries[at->second];
            const std::string_view verb = field.type == Type::kMap ? "set" : "defined";
            twice(
                *known.key,
                *entry.key,
                fmt::format("`{}.{}` is {} in two files", path, entry.key->text, verb)
            );
        }
    }

    void append(Entry& known, const Node& more) {
        Node* list = known.value->is_sequence()
                         ? copy(*known.value)
                         : document_.make_node(Node::Kind::kSequence, known.value->span);
        if (!known.value->is_sequence()) {
            list->items.push_back(known.value);
        }
        if (more.is_sequence()) {
            list->items.insert(list->items.end(), more.items.begin(), more.items.end());
        } else {
            list->items.push_back(const_cast<Node*>(&more));
        }
        known.value = list;
    }

    Node* copy(const Node& node) {
        Node* made = document_.make_node(node.kind, node.span);
        *made = node;
        return made;
    }

    void twice(const Node& first, const Node& second, std::string message) {
        diagnostics_.add(
            {.code = kDefinedTwice,
             .at = second.span,
             .message = std::move(message),
             .hint = "remove one of the two",
             .related = {{first.span, "first given here"}}}
        );
    }

    Document& document_;
    Diagnostics& diagnostics_;
};

}  // namespace

void merge_maps(
    Document& document, Node& into, const Node& from, const Schema& schema, Diagnostics& diagnostics
) {
    Merger(document, diagnostics).maps(into, from, schema, "");
}

}  // namespace seyir::config
