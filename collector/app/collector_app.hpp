// SPDX-License-Identifier: Apache-2.0
// CollectorApp: wires the collector's rooms and runs them until told to stop. Nothing but wiring.
// Order of life: store, engine (outputs, then inputs), HTTP; the reverse at the end.
#pragma once

#include <string>

#include "collector/app/collector_config.hpp"
#include "common/process/signals.hpp"

namespace seyir::collector {

class CollectorApp {
  public:
    /// The program's exit status: 0 after a clean stop, 1 when something could not start, 78 when
    /// what is wrong stands in the configuration. `path` is read again at a reload.
    static int run(
        CollectorConfig config,
        const std::string& path,
        const std::string& effective_config,
        process::Signals& signals
    );
};

}  // namespace seyir::collector
