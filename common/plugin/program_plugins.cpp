// SPDX-License-Identifier: Apache-2.0
#include "common/plugin/program_plugins.hpp"

#include <algorithm>
#include <utility>

#include "common/plugin/loader.hpp"

namespace seyir::plugin {

config::ExtendSchema extend_types(
    component::ProgramTypesPtr& types,
    std::function<component::ProgramTypesPtr(const AddPlugins&)> make
) {
    return [&types, make = std::move(make)](
               const config::Document& document,
               const config::ReadContext& context,
               config::Diagnostics& diagnostics
           ) -> const config::Schema& {
        const std::vector<PluginDirectory> directories =
            read_plugin_directories(document.root(), context.base_directory);
        const bool some_named =
            std::ranges::any_of(directories, [](const auto& d) { return d.at.has_value(); });
        const auto found = scan_directory(default_plugin_directory());
        if (some_named || (found && !found->empty())) {
            types = make([&](component::Catalogue& catalogue) {
                // What is refused stands in the diagnostics.
                (void)load_plugins(catalogue, directories, diagnostics);
            });
        }
        return types->schema;
    };
}

}  // namespace seyir::plugin
