// SPDX-License-Identifier: Apache-2.0
// Schema: what a component accepts, declared once. Parsing, defaults, validation, JSON Schema, the
// reference page and the commented example all read this one declaration.
// Threads: immutable after build.   Lifetime: a catalogue outlives the schemas that name its types.
// Ownership: nested schemas and fields are held by shared pointers, components by address.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace seyir::config {

class Schema;

enum class Type : uint8_t {
    kString,
    kBool,
    kInt,
    kBytes,     ///< "64MiB"
    kDuration,  ///< "1h30m"
    kEnum,
    kListen,    ///< "127.0.0.1:7400", "[::1]:0", or `off` where allowed
    kEndpoint,  ///< "logs.example.org:7410"
    kSecret,    ///< a string that is never shown
    kPath,      ///< made absolute: relative ones start at the configuration file's directory
    kGlob,      ///< a path with * ? [..] **
    kTime,      ///< RFC 3339, or a date
    kList,
    kMap,         ///< free keys, values of one type
    kObject,      ///< nested schema
    kComponents,  ///< map of named components, each with `type`
    kAny,         ///< free form: whoever reads it checks it
};

std::string_view to_string(Type type);

enum class KeyRule : uint8_t {
    kLabel,      ///< [a-zA-Z_][a-zA-Z0-9_]*
    kComponent,  ///< [a-z][a-z0-9_-]*, at most 64 bytes
    kAttribute,  ///< any text without control characters, at most 1 KiB
};

struct EnumChoice {
    std::string name;
    std::string help;
};

/// A key people bring from another program.
struct ForeignName {
    std::string name;
    std::string program;
};

struct Field {
    std::string name;
    Type type = Type::kString;
    std::string help;
    std::optional<std::string> default_text;  ///< as written in YAML; none: absent means off
    std::string default_help;                 ///< when the default depends on something else
    std::string example;
    bool is_required = false;
    bool allows_off = false;
    bool allows_empty = false;       ///< of strings
    bool is_off_in_example = false;  ///< of components: all are comments in the example file
    bool allows_name = false;        ///< of paths: without `/` it is a name and stays as it is
    uint64_t min = 0;                ///< number, bytes, nanoseconds, or count of items
    uint64_t max = std::numeric_limits<int64_t>::max();
    std::vector<EnumChoice> choices;
    std::vector<ForeignName> foreign;
    std::string deprecated;             ///< what to use instead; "" = not deprecated
    std::shared_ptr<const Field> item;  ///< of lists and maps
    std::shared_ptr<const Schema> object;
    std::vector<const Schema*> components;
    KeyRule key_rule = KeyRule::kComponent;

    Field& required();
    Field& describe(std::string text);
    Field& or_else(std::string yaml_text);  ///< the default
    Field& or_else_described(std::string text);
    Field& show(std::string yaml_text);  ///< the example
    Field& between(uint64_t lowest, uint64_t highest);
    Field& may_be_off();
    Field& may_be_empty();
    Field& may_be_name();
    Field& off_in_example();
    Field& choice(std::string name, std::string help);
    Field& elsewhere(std::string_view program, std::vector<std::string> names);
    Field& replaced_by(std::string instead);
};

Field field(std::string name, Type type);
Field list_of(std::string name, Field item);
Field map_of(std::string name, KeyRule rule, Field value);
Field object(std::string name, Schema schema);
Field components(std::string name, std::vector<const Schema*> kinds);

class Schema {
  public:
    /// `name` is the component's `type`, or the section's name.
    Schema(std::string name, std::string summary);

    Schema& with(Field field);
    /// Names other programs give this component type.
    Schema& elsewhere(std::string_view program, std::vector<std::string> names);
    /// The id the commented example gives an instance ("app" for `tail`).
    Schema& example_id(std::string id);

    const std::string& name() const { return name_; }

    const std::string& summary() const { return summary_; }

    const std::string& id_in_example() const { return example_id_; }

    const std::vector<Field>& fields() const { return fields_; }

    const std::vector<ForeignName>& foreign() const { return foreign_; }

    /// nullptr when there is none of that name.
    const Field* find(std::string_view name) const;

  private:
    std::string name_;
    std::string summary_;
    std::string example_id_;
    std::vector<Field> fields_;
    std::vector<ForeignName> foreign_;
};

bool is_component_id(std::string_view id);
bool is_config_label_name(std::string_view name);
bool is_config_attribute_name(std::string_view name);

}  // namespace seyir::config
