// SPDX-License-Identifier: Apache-2.0
// What else a Schema is good for: JSON Schema for editors, the reference page, the example file
// with every key, and the effective configuration of a running program.
// Threads: pure functions.   Why generated: a page that is written twice is wrong once.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/document.hpp"
#include "common/config/schema/schema.hpp"

namespace seyir::config {

/// JSON Schema 2020-12, for editors and `seyir schema`.
std::string json_schema(const Schema& root);

/// One YAML file: required keys set, all others as comments with their defaults. `#key:` without a
/// blank is a setting, `# text` is explanation; removing the `#` switches a setting on.
std::string example_file(const Schema& root, std::string_view file_name);

struct ReferencePart {
    const Schema* root = nullptr;
    std::string file_name;  ///< "agent.yaml"
};

/// Markdown, by file name below docs/reference: `config.md` (the programs' own keys and lists of
/// what follows), one page for each component type (`filters/redact.md`), `codes.md`.
std::map<std::string, std::string> reference_pages(const std::vector<ReferencePart>& parts);

/// A component type with the map it belongs in ("filters") and the programs that have it.
struct ComponentKind {
    std::string section;
    const Schema* schema = nullptr;
    std::vector<std::string> programs;  ///< "agent", "collector"
};

/// Every type of all programs, once, in the order of the sections.
std::vector<ComponentKind> component_kinds(const std::vector<ReferencePart>& parts);

/// A type's keys with defaults and an example, for a terminal.
std::string component_text(const ComponentKind& kind);

/// The commented example of one component, as in the example file.
std::string component_example(const std::string& section, const Schema& schema);

/// The document with all defaults and references filled in; secrets, and what came from files and
/// credentials, as `***`. Requires: the document passed validate().
std::string effective_yaml(const Document& document, const Schema& root);

/// "`debug`: everything; `info`: what changes", "1 KiB to 16 MiB", or "".
std::string describe_limits(const Field& field);

}  // namespace seyir::config
