// SPDX-License-Identifier: Apache-2.0
// StoreRefill: gives alert rules what the store holds of their window when the collector starts.
// Newest rows first, so that what is read when the time is up is what counts longest.
// Threads: one at a time.   Errors: the store's; kTimeout after kRefillTimeMax.
// Limits: the default tenant.   Ownership: borrows the store and the clock.
#pragma once

#include "collector/store/log_store.hpp"
#include "common/alert/refill.hpp"
#include "common/io/clock.hpp"

namespace seyir::collector {

/// A start must not wait long for a rule; what was read until then counts.
inline constexpr Nanos kRefillTimeMax = std::chrono::seconds(10);

class StoreRefill final : public alert::RefillSource {
  public:
    StoreRefill(store::LogStore& store, io::Clock& clock) : store_(store), clock_(clock) {}

    Result<void> read(
        const alert::Rule& rule, TimeRange range, const std::function<void(const BatchView&)>& each
    ) override;

  private:
    store::LogStore& store_;
    io::Clock& clock_;
};

}  // namespace seyir::collector
