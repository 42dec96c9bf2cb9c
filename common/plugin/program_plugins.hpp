// SPDX-License-Identifier: Apache-2.0
// How the plugins a configuration names become part of the types its program checks it with.
// Room: Document -> Catalogue with plugins -> ProgramTypes.
// Threads: the loading thread.   Errors: those of load_plugins().
#pragma once

#include <functional>

#include "common/component/program_config.hpp"
#include "common/config/loader.hpp"

namespace seyir::plugin {

/// Adds plugins to a catalogue before the schema is made of it.
using AddPlugins = std::function<void(component::Catalogue&)>;

/// For config::load_document: when the document's plugin directories hold plugins, `types` becomes
/// what `make` gives with them; else it stays. `types` must outlive the result's use.
config::ExtendSchema extend_types(
    component::ProgramTypesPtr& types,
    std::function<component::ProgramTypesPtr(const AddPlugins&)> make
);

}  // namespace seyir::plugin
