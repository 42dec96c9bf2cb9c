// SPDX-License-Identifier: Apache-2.0
// StoreOptions: what an operator can say about the collector's `store` output.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/base/time.hpp"
#include "common/base/units.hpp"

namespace seyir::store {

struct StoreOptions {
    Nanos retention = std::chrono::hours(90 * 24);  ///< age at which a day of logs is dropped
    Nanos metrics_retention = std::chrono::hours(30 * 24);  ///< the same for metric samples
    uint64_t stage_bytes_max = 512 * kMiB;  ///< not yet in segments; beyond this, clients wait
    std::optional<uint64_t> min_free_soft_bytes;  ///< less free disk: warn, clients slow down
    std::optional<uint64_t> min_free_hard_bytes;  ///< less free disk: refuse to store
};

}  // namespace seyir::store
