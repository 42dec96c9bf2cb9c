// SPDX-License-Identifier: Apache-2.0
// What the agent's `collector` output accepts, and how it becomes CollectorOutputOptions.
// Threads: the schema is immutable; the reader runs on the loading thread.
#pragma once

#include "common/ship/collector_output_options.hpp"

namespace seyir::ship {

const config::Schema& collector_output_schema();

CollectorOutputOptions read_collector_output(const config::ObjectReader& r);

/// `retry` in order, TLS files, no token in plain text beyond this machine.
void check_collector_output(const config::ObjectReader& r, const config::SectionChecks& checks);

}  // namespace seyir::ship
