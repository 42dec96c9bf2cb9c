// SPDX-License-Identifier: Apache-2.0
// Evaluation: which records of a batch count for a rule, and in which group.
// Room: BatchView -> Hits.   Threads: one owner (a filter instance); the rule may be shared.
#pragma once

#include <cstdint>
#include <vector>

#include "common/alert/engine.hpp"
#include "common/record/batch.hpp"

namespace seyir::alert {

struct Hit {
    GroupValues group;
    UnixNanos ts;
    Slice line;  ///< as it came in; lives in the batch
};

struct Hits {
    std::vector<Hit> hits;
    uint64_t errors = 0;  ///< records the condition could not judge
};

class Evaluation {
  public:
    explicit Evaluation(RulePtr rule) : rule_(std::move(rule)) {}

    /// Valid until the next call, and as long as the batch.
    const Hits& find(const BatchView& view);

  private:
    RulePtr rule_;
    logql::ScratchRow row_;
    std::vector<char> wanted_;  // by stream
    Hits hits_;
};

}  // namespace seyir::alert
