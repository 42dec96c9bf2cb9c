// SPDX-License-Identifier: Apache-2.0
// The filters and outputs that come with both programs: the one list of them.
// Threads: called while a catalogue is built.
#pragma once

#include "common/component/catalogue.hpp"

namespace seyir::plugins {

void add_builtin_filters(component::Catalogue& catalogue);
/// Without `collector` and `store`: the programs add those, they differ.
void add_builtin_outputs(component::Catalogue& catalogue);

}  // namespace seyir::plugins
