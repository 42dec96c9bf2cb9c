// SPDX-License-Identifier: Apache-2.0
// From configured routes to the engine's: compiles each `match:`.
// Errors: a bad `match:` becomes a diagnostic at its place in the file.
#pragma once

#include <vector>

#include "common/config/sections/sections.hpp"
#include "common/pipeline/engine.hpp"

namespace seyir::service {

std::vector<pipeline::Route> compile_routes(
    const std::vector<config::RouteOptions>& options, config::Diagnostics& diagnostics
);

}  // namespace seyir::service
