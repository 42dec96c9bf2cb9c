// SPDX-License-Identifier: Apache-2.0
// SharedEngine: one rule's engine for all instances of a filter, behind a lock that is held while
// counting only, never while a condition is tested.
// Threads: thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "common/alert/evaluation.hpp"
#include "common/alert/refill.hpp"

namespace seyir::alert {

class SharedEngine {
  public:
    explicit SharedEngine(RulePtr rule) : rule_(rule), engine_(std::move(rule)) {}

    /// Counts what an Evaluation found, and says what is to be told.
    std::vector<Notice> count(const Hits& found, UnixNanos now);
    std::vector<Notice> due(UnixNanos now);

    /// Counts what the source holds of the window; a failure makes the rule failing.
    void refill(RefillSource& source, UnixNanos now);

    struct State {
        size_t groups = 0;
        size_t firing = 0;
    };

    State state() const;

    const RulePtr& rule() const { return rule_; }

  private:
    RulePtr rule_;
    mutable std::mutex mutex_;
    Engine engine_;
};

}  // namespace seyir::alert
