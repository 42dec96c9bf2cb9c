// SPDX-License-Identifier: Apache-2.0
// Identifiers of the record model.
#pragma once

#include <cstdint>

#include "common/base/id128.hpp"

namespace seyir {

/// 0 is the default tenant; in every key, token and frame.
enum class TenantId : uint32_t { kDefault = 0 };

/// One installed agent: made at first start, kept in state_dir, bound to the machine.
using AgentId = Id128<struct AgentIdTag>;
/// One source of one agent (a file's identity, a journal, a spool).
using SourceId = Id128<struct SourceIdTag>;
/// One data directory of a collector.
using StoreId = Id128<struct StoreIdTag>;
/// XXH3-128 of /etc/machine-id; the id itself is private (machine-id(5)) and never leaves the host.
using MachineHash = Id128<struct MachineHashTag>;
/// XXH3-128 of a stream's sorted labels.
using StreamFingerprint = Id128<struct StreamFingerprintTag>;

}  // namespace seyir
