// SPDX-License-Identifier: Apache-2.0
// What the section and the input `host_metrics` accept alike.   Threads: the loading thread.
#pragma once

#include "agent/hostmetrics/host_selection.hpp"
#include "common/config/schema/object_reader.hpp"

namespace seyir::agent::hostmetrics {

/// `interval`, `disks`, `network`, `mounts`, `file_system_types`.
void add_sampling_fields(config::Schema& schema);

HostSelection read_selection(const config::ObjectReader& r);

}  // namespace seyir::agent::hostmetrics
