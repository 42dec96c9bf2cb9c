// SPDX-License-Identifier: Apache-2.0
// AgentServices: what the agent's own inputs need of the running program.
// Threads: used while a graph is built.   Ownership: borrows; the program outlives its inputs.
#pragma once

#include <map>
#include <set>
#include <string>

#include "agent/checkpoint/checkpoint_store.hpp"
#include "agent/input/file_claims.hpp"
#include "common/component/types.hpp"
#include "common/io/disk_budget.hpp"
#include "common/pipeline/position_source.hpp"

namespace seyir::agent::input {

class AgentServices final : public component::ProgramServices {
  public:
    explicit AgentServices(checkpoint::CheckpointStore& store) : checkpoints(store) {}

    checkpoint::CheckpointStore& checkpoints;
    /// Inputs read what there is from its beginning, and wait for nothing.
    bool is_dry_run = false;
    io::DiskBudget* disk = nullptr;  ///< for deleted files that are held
    /// By input: the output that remembers how far it was stored; nullptr: none does.
    std::map<std::string, pipeline::PositionSource*> positions;
    /// Inputs some route of which ends at a collector: there two inputs' same file is one lane.
    std::set<std::string> feeds_collector;
    FileClaims claims;  ///< of the files those inputs read
};

}  // namespace seyir::agent::input
