// SPDX-License-Identifier: Apache-2.0
// The plugins of a program: the directories they are looked for in, and their filters in the
// catalogue. The order matters: directories are read from the document before its schema is
// complete, since the plugins' types belong to the schema.
//   catalogue.add(...built in...);
//   load_plugins(catalogue, read_plugin_directories(document.root()), diagnostics);
//   program.with(plugins_field()); add_pipeline_sections(program, catalogue, ...);
// Threads: one at a time.
// Errors: E0601 for a configured directory and what lies in it; a file in the default directory
// that is refused is the warning W0602, for it may not be needed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/component/catalogue.hpp"
#include "common/config/diagnostics/diagnostics.hpp"
#include "common/config/document.hpp"
#include "common/plugin/library.hpp"

namespace seyir::plugin {

struct PluginDirectory {
    std::string path;
    /// Where the configuration names it; none: the default directory, which need not exist.
    std::optional<config::Span> at;
};

/// PREFIX/lib/seyir/plugins-1, of the installed program.
std::string default_plugin_directory();

/// The field `plugins: {directories: [...]}` of both programs.
config::Field plugins_field();

/// The default directory, then those the document names (relative ones start at
/// `base_directory`). Mistakes in their form are left to validate().
std::vector<PluginDirectory> read_plugin_directories(
    const config::Node* root, const std::string& base_directory
);

struct FoundPlugin {
    std::string path;
    PluginLibraryPtr library;  ///< nullptr: refused
    std::string refusal;
};

/// Every *.so of the directory, by name; Error when it cannot be used at all.
Result<std::vector<FoundPlugin>> scan_directory(const std::string& path);

/// Adds what the directories hold to the catalogue. kInvalidConfig when diagnostics has an error
/// from it.
Result<void> load_plugins(
    component::Catalogue& catalogue,
    const std::vector<PluginDirectory>& directories,
    config::Diagnostics& diagnostics
);

}  // namespace seyir::plugin
