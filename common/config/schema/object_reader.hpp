// SPDX-License-Identifier: Apache-2.0
// ObjectReader: typed values of one validated map, defaults filled in from its schema.
//   ObjectReader r(node, tail_schema(), context);
//   options.line_bytes_max = r.bytes("max_line");
// Requires: the key is in the schema with that type (asserted: a bug, not an input error).
// Errors: none here; validate() reported them. A value that failed reads as its default.
// Threads: one at a time.   Ownership: borrows node, schema and context.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/time.hpp"
#include "common/config/document.hpp"
#include "common/config/schema/scalar.hpp"
#include "common/config/schema/schema.hpp"

namespace seyir::config {

/// `path` as seen from `directory`, without `.` and `..`, by the text alone.
std::string absolute_path(std::string_view path, std::string_view directory);

struct ReadContext {
    std::string base_directory;  ///< relative paths start here
    /// When set: paths start in the directory of the file they stand in.
    std::shared_ptr<const SourceSet> sources;
};

using StringPairs = std::vector<std::pair<std::string, std::string>>;

class ObjectReader {
  public:
    /// `node` may be nullptr: everything reads as its default.
    ObjectReader(const Node* node, const Schema& schema, const ReadContext& context);

    bool has(std::string_view key) const;

    /// The place of the value; of the object itself when the key is absent.
    Span span(std::string_view key) const;
    Span key_span(std::string_view key) const;
    /// Of `length_bytes` at `offset_bytes` of a scalar's value, through quotes, escapes, block
    /// scalars and references; of the whole value where that is not certain.
    Span inner_span(std::string_view key, size_t offset_bytes, size_t length_bytes) const;
    Span inner_span(const Node& node, size_t offset_bytes, size_t length_bytes) const;
    /// Of the nth item of a list; a single value is its own first item.
    Span item_span(std::string_view key, size_t index) const;

    std::string string(std::string_view key) const;  ///< kString, kSecret, kEnum; "" if absent
    std::string path(std::string_view key) const;    ///< absolute; "" if absent
    bool boolean(std::string_view key) const;
    int64_t integer(std::string_view key) const;
    uint64_t bytes(std::string_view key) const;
    Nanos duration(std::string_view key) const;
    std::optional<UnixNanos> time(std::string_view key) const;
    /// Nothing for `off` and for an absent key without default.
    std::optional<Address> address(std::string_view key) const;

    std::vector<std::string> strings(std::string_view key) const;
    std::vector<std::string> paths(std::string_view key) const;
    std::vector<std::string> absolute(std::vector<std::string> paths) const;
    std::vector<Address> addresses(std::string_view key) const;
    StringPairs pairs(std::string_view key) const;

    /// kAny: nullptr if absent.
    const Node* any(std::string_view key) const;
    /// Of a list of kAny.
    std::vector<const Node*> any_items(std::string_view key) const;

    /// The nested map, with defaults where it is absent.
    ObjectReader nested(std::string_view key) const;
    /// Maps of a list of objects.
    std::vector<ObjectReader> objects(std::string_view key) const;

    /// Every id of the map with its place, also of components whose type is wrong.
    std::vector<std::pair<std::string, Span>> component_names(std::string_view key) const;

    struct Component;
    /// Named components in the order of the file.
    std::vector<Component> components(std::string_view key) const;

    /// `choices` in the order of the enum's values: `over = r.choice<Over>("over", {...})`.
    template <class E>
    E choice(std::string_view key, const std::vector<std::pair<std::string_view, E>>& names) const {
        const std::string text = string(key);
        for (const auto& [name, value] : names) {
            if (name == text) {
                return value;
            }
        }
        return names.front().second;
    }

    const Node* node() const { return node_; }

    /// nullptr when the key is absent or has no value.
    const Node* value_node(std::string_view key) const { return value(key); }

    const Node* item_node(std::string_view key, size_t index) const;

  private:
    const Field& get(std::string_view key, std::initializer_list<Type> types) const;
    const Node* value(std::string_view key) const;
    std::string scalar_text(const Field& field) const;
    std::vector<const Node*> list(const Field& field) const;
    std::string absolute(const std::string& text, const Node* written) const;

    const Node* node_;
    const Schema* schema_;
    const ReadContext* context_;
};

struct ObjectReader::Component {
    std::string id;
    std::string type;
    Span id_span;
    ObjectReader reader;
};

}  // namespace seyir::config
