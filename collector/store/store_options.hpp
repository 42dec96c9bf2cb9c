// SPDX-License-Identifier: Apache-2.0
// StoreOptions: what an operator can say about the collector's `store` output.
#pragma once

#include <chrono>
#include <cstdint>

#include "common/base/time.hpp"
#include "common/base/units.hpp"

namespace seyir::store {

struct StoreOptions {
    Nanos retention = std::chrono::hours(90 * 24);  ///< age at which a day of logs is dropped
    uint64_t stage_bytes_max = 256 * kMiB;          ///< sealed into segments beyond this
    uint64_t min_free_soft_bytes = kGiB;            ///< less free disk: warn, clients slow down
    uint64_t min_free_hard_bytes = 256 * kMiB;      ///< less free disk: refuse to store
};

}  // namespace seyir::store
