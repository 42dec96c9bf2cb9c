// SPDX-License-Identifier: Apache-2.0
// What the collector's inputs accept in a configuration file, and how it becomes options.
// Threads: schemas are immutable; readers run on the loading thread.
#pragma once

#include "collector/input/input_options.hpp"

namespace seyir::collector::input {

const config::Schema& agents_schema();
const config::Schema& loki_schema();

/// All but `id`; `tokens` holds the input's own one only, `tls` its own files only.
AgentsOptions read_agents(const config::ObjectReader& r);
LokiOptions read_loki(const config::ObjectReader& r);

}  // namespace seyir::collector::input
