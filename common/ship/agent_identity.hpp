// SPDX-License-Identifier: Apache-2.0
// The agent's id: half of every lane key, so losing or copying it by accident must not lose or
// double records. Derived from machine and state directory when missing: a deleted state directory
// gives the same id back and the collector's positions still count.
// Threads: functions are pure but for the file.
// Errors: kIo, kNoSpace naming the file. A damaged file is replaced, never fatal.
// Format: text lines ending in a CRC-32C; docs/format/agent-id.md.
#pragma once

#include <string>

#include "common/base/result.hpp"
#include "common/io/file_system.hpp"
#include "common/record/ids.hpp"

namespace seyir::ship {

struct AgentIdentity {
    AgentId agent;
    MachineHash machine;    ///< zero where the machine has no id
    std::string state_dir;  ///< canonical; where the id was last confirmed by a collector
};

struct LoadedIdentity {
    AgentIdentity identity;
    std::string state_dir_now;  ///< canonical; differs from identity.state_dir after a copy or move
    std::string forked;         ///< why a new id was taken ("" = it was not): event lane_forked
};

struct IdentityPlace {
    std::string state_dir;
    std::string machine_id_path = "/etc/machine-id";
};

/// Reads `<state_dir>/agent.id`, or makes and persists it.
Result<LoadedIdentity> load_agent_identity(io::FileSystem& fs, const IdentityPlace& place);

/// Persists `identity`: after a fork (with a new random id) or when its directory was confirmed.
Result<void> save_agent_identity(
    io::FileSystem& fs, const std::string& state_dir, const AgentIdentity& identity
);

/// XXH3-128 of machine and directory; random where the machine has no id, for then many hosts would
/// get the same one.
AgentId derive_agent_id(const std::string& machine_id, const std::string& canonical_state_dir);

}  // namespace seyir::ship
