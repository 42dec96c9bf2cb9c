// SPDX-License-Identifier: Apache-2.0
// dry_run: `seyir-agent --dry-run`. Reads what the inputs have from its beginning, prints each
// record before and after every filter and the outputs it would go to, and ends at the end of what
// is there or after so many records. Nothing is sent or written: outputs are not made, state_dir is
// not touched, positions are kept in memory. Inputs that listen are not opened.
// Room: AgentConfig -> text on standard output.   Threads: the main thread.
#pragma once

#include <cstdint>

#include "agent/app/agent_config.hpp"
#include "common/process/signals.hpp"

namespace seyir::agent {

/// `records_max` 0: no limit. The exit status: 0, or 1 when something could not start.
int dry_run(const AgentConfig& config, uint64_t records_max, process::Signals& signals);

}  // namespace seyir::agent
