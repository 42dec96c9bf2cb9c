// SPDX-License-Identifier: Apache-2.0
// RetryPatience: for how long a plugin may answer SEYIR_RETRY. Beyond it the rows fail, so that
// neither a plugin that never comes back nor one batch it never takes holds a source up for ever.
// Over is over: either this batch has been retried for so long, or the plugin has taken none at all
// for so long. A batch is known again by its first row: sources may cut it differently.
// Threads: one at a time.   Limits: 1,024 batches are remembered, the longest unseen goes first.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "common/base/time.hpp"
#include "common/record/batch.hpp"

namespace seyir::plugin {

class RetryPatience {
  public:
    explicit RetryPatience(Nanos longest) : longest_(longest) {}

    /// The plugin answered SEYIR_RETRY for `rows`. True: they are not to be sent again.
    bool is_over(const BatchView& rows, SteadyTime now);

    /// It took a batch.
    void went_well() { since_.reset(); }

    Nanos longest() const { return longest_; }

  private:
    struct Seen {
        SteadyTime first;
        SteadyTime last;
    };

    void forget_old(SteadyTime now);

    const Nanos longest_;
    std::optional<SteadyTime> since_;  ///< nothing but SEYIR_RETRY since then
    std::unordered_map<uint64_t, Seen> seen_;
};

}  // namespace seyir::plugin
