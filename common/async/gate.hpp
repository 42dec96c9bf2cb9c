// SPDX-License-Identifier: Apache-2.0
// Gate: every spawned task goes through one, so that stopping means: refuse new ones, cancel,
// wait until the last has ended.
// Threads: thread-safe. stop() blocks and must not be called on a thread that runs its tasks.
// Errors: kClosed once closed; kTimeout from stop() names the tasks that did not end.
// Ownership: keeps its tasks' bookkeeping alive, not what they reference; the destructor waits.
#pragma once

#include <memory>
#include <string>

#include "common/async/awaitable.hpp"
#include "common/base/result.hpp"
#include "common/base/time.hpp"

namespace seyir::async {

class Gate {
  public:
    Gate();
    /// Closes, cancels and waits as long as it takes: a task must never outlive its owner.
    ~Gate();
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    /// Runs `task` on `executor`. Inside it cancellation arrives as a value (kCancelled from what
    /// it awaits), never as an exception. An exception that escapes is logged with `name`.
    Result<void> spawn(Executor executor, std::string name, Awaitable<void> task);

    /// No new tasks; those that run go on.
    void close();
    /// Tells the tasks that run to end: what they await gives kCancelled.
    void cancel();
    bool closed() const;
    size_t running() const;
    /// Waits until the last task has ended, or the deadline.
    Result<void> drain(SteadyTime deadline);

    /// close(), cancel(), drain(deadline).
    Result<void> stop(SteadyTime deadline);

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace seyir::async
