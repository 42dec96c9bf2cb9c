// SPDX-License-Identifier: Apache-2.0
// A plugin's filter as one of ours: component::FilterType with its plan and pipeline::Filter.
// Whatever the plugin does short of crashing is contained: a batch it mishandles (arguments out of
// range, an exception, a status that does not exist) fails as a whole, every row as it came in,
// with the code `plugin_misbehaved`; SEYIR_RETRY gives the rows back to their source, for five
// minutes at most; after SEYIR_FATAL every row fails; a call over its time budget is counted and
// shown in health. What cannot be contained in
// one process: a plugin that writes to memory that is not its own, and a call that never ends (its
// worker hangs; health says so).
// Room: plugin.h -> common/component.   Threads: as its thread model says.
#pragma once

#include <memory>

#include "common/component/types.hpp"
#include "common/plugin/batch_session.hpp"
#include "common/plugin/description.hpp"

namespace seyir::plugin {

struct AdapterOptions {
    /// A call longer than this is counted and shown in health.
    Nanos budget = std::chrono::seconds(1);
    /// SEYIR_RETRY for so long makes the rows fail (retry_patience.hpp).
    Nanos retry_for = std::chrono::minutes(5);
    /// `plugin check`: see InstanceTables.
    bool checks_kept_bytes = false;
    /// A batch may allocate so much.
    uint64_t allocated_bytes_max = kAllocatedBytesMax;
    /// Tells the log what the plugin does wrong.
    bool logs = true;
};

component::FilterType adapt(FilterDescriptionPtr filter, AdapterOptions options = {});

}  // namespace seyir::plugin
