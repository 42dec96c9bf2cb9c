// SPDX-License-Identifier: Apache-2.0
#include "common/plugin/loader.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "common/io/file_system.hpp"
#include "common/plugin/filter_adapter.hpp"

namespace seyir::plugin {
namespace {

constexpr size_t kFilesMax = 256;

/// Adds a refusal: its first line is what, the others are how to mend it.
void add_refusal(
    const PluginDirectory& directory, const std::string& text, config::Diagnostics& diagnostics
) {
    const size_t first = std::min(text.find('\n'), text.size());
    config::Diagnostic diagnostic{
        .code = directory.at ? config::kPluginRefused : config::kPluginIgnored,
        .at = directory.at,
        .message = "plugin " + text.substr(0, first),
    };
    for (size_t at = first + 1; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        diagnostic.notes.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    diagnostics.add(std::move(diagnostic));
}

}  // namespace

std::string default_plugin_directory() {
    return SEYIR_PLUGIN_DIRECTORY;
}

config::Field plugins_field() {
    config::Schema schema("plugins", "Filters built outside of Seyir.");
    schema.with(
        config::list_of("directories", config::field("directories", config::Type::kPath))
            .between(0, 100)
            .or_else("[]")
            .describe(
                "Directories whose *.so files are loaded as plugins, besides lib/seyir/plugins-1 "
                "of "
                "the installed program. They and the files belong to root or the program's user "
                "and are writable by nobody else."
            )
            .show("[/opt/seyir/plugins]")
            .elsewhere("Fluent Bit", {"plugins_file"})
    );
    return config::object("plugins", std::move(schema))
        .describe("Filters built outside of Seyir (docs/guide/write-a-filter.md).");
}

std::vector<PluginDirectory> read_plugin_directories(
    const config::Node* root, const std::string& base_directory
) {
    std::vector<PluginDirectory> directories{{default_plugin_directory(), std::nullopt}};
    const config::Entry* plugins = root == nullptr ? nullptr : root->find("plugins");
    const config::Entry* named = plugins == nullptr ? nullptr : plugins->value->find("directories");
    if (named == nullptr) {
        return directories;
    }
    const auto add = [&](const config::Node& node) {
        if (node.is_scalar() && !node.text.empty()) {
            const bool is_absolute = node.text[0] == '/';
            directories.push_back(
                {is_absolute ? node.text : base_directory + "/" + node.text, node.span}
            );
        }
    };
    add(*named->value);
    for (const config::Node* item : named->value->items) {
        add(*item);
    }
    return directories;
}

Result<std::vector<FoundPlugin>> scan_directory(const std::string& path) {
    SEYIR_CHECK(check_owner(path, "directory"));
    SEYIR_TRY(const auto names, io::posix_file_system().list(path));
    std::vector<FoundPlugin> found;
    for (const std::string& name : names) {
        if (!name.ends_with(".so") || name.starts_with('.')) {
            continue;
        }
        if (found.size() == kFilesMax) {
            return fail(
                ErrorCode::kTooLarge, fmt::format("{}: more than {} plugins", path, kFilesMax)
            );
        }
        FoundPlugin plugin{.path = path + "/" + name};
        auto library = open_library(plugin.path);
        if (library) {
            plugin.library = *std::move(library);
        } else {
            plugin.refusal = library.error().message;
        }
        found.push_back(std::move(plugin));
    }
    return found;
}

Result<void> load_plugins(
    component::Catalogue& catalogue,
    const std::vector<PluginDirectory>& directories,
    config::Diagnostics& diagnostics
) {
    const size_t errors_before = diagnostics.error_count();
    std::map<std::string, std::string> paths;  // by filter type
    std::set<std::string> seen;
    for (const PluginDirectory& directory : directories) {
        const auto found = scan_directory(directory.path);
        if (!found) {
            if (directory.at || found.error().code != ErrorCode::kNotFound) {
                add_refusal(directory, found.error().message, diagnostics);
            }
            continue;
        }
        for (const FoundPlugin& plugin : *found) {
            if (plugin.library == nullptr) {
                add_refusal(directory, plugin.refusal, diagnostics);
                continue;
            }
            if (!seen.insert(plugin.path).second) {
                continue;
            }
            for (const FilterDescriptionPtr& filter : plugin.library->filters) {
                const auto [at, is_new] = paths.emplace(filter->name, plugin.path);
                if (!is_new || catalogue.filter(filter->name) != nullptr) {
                    const auto who = is_new ? "this program" : at->second;
                    add_refusal(
                        directory,
                        fmt::format(
                            "{}: a filter type `{}` is there already, in {}\nremove one of them, "
                            "or give the plugin's type another name",
                            plugin.path,
                            filter->name,
                            who
                        ),
                        diagnostics
                    );
                    continue;
                }
                catalogue.add(adapt(filter));
            }
        }
    }
    if (diagnostics.error_count() != errors_before) {
        return fail(ErrorCode::kInvalidConfig, "not all plugins could be loaded");
    }
    return {};
}

}  // namespace seyir::plugin
