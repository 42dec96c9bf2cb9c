// SPDX-License-Identifier: Apache-2.0
// DeliverySource: what a Sender takes batches from: a disk buffer or a queue in memory.
// Threads: take() and the rest are called by one sender thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/pipeline/output.hpp"

namespace seyir::buffer {

struct Delivery {
    uint64_t id = 0;
    BatchView view;
    UnixNanos appended;
};

class DeliverySource {
  public:
    virtual ~DeliverySource() = default;
    /// The next batch that nobody has; nothing when there is none now.
    virtual std::optional<Delivery> take() = 0;
    /// The final answer for it: delivered, dropped or rejected.
    virtual void settle(uint64_t id, DeliveryReport report) = 0;
    /// Not delivered: somebody else will take it.
    virtual void give_back(uint64_t id) = 0;
    /// One more attempt failed.
    virtual void count_retry(uint32_t rows) = 0;
};

}  // namespace seyir::buffer
