// SPDX-License-Identifier: Apache-2.0
// What else a Schema is good for: JSON Schema for editors, the reference page, the example file
// with every key, and the effective configuration of a running program.
// Threads: pure functions.   Why generated: a page that is written twice is wrong once.
#pragma once

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

/// Markdown: every key of every component, then the codes.
std::string reference_page(const std::vector<ReferencePart>& parts);

/// The document with all defaults and references filled in; secrets, and what came from files and
/// credentials, as `***`. Requires: the document passed validate().
std::string effective_yaml(const Document& document, const Schema& root);

/// "`debug`: everything; `info`: what changes", "1 KiB to 16 MiB", or "".
std::string describe_limits(const Field& field);

}  // namespace seyir::config
