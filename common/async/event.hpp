// SPDX-License-Identifier: Apache-2.0
// Event: lets one coroutine wait until another, or another thread, says "look again". A set event
// stays set until a wait takes it, so a signal between check and wait is never lost.
// Threads: set() is thread-safe; wait() on the executor given, one waiter at a time.
// Errors: kTimeout at the deadline, kCancelled when the waiting task is cancelled.
#pragma once

#include <memory>

#include "common/async/awaitable.hpp"
#include "common/base/result.hpp"
#include "common/base/time.hpp"

namespace seyir::async {

class Event {
  public:
    explicit Event(Executor executor);
    ~Event();
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    void set();
    /// Returns at once when the event is set, else when it is; takes it.
    /// A task that was cancelled gets kCancelled at once, also later.
    Awaitable<Result<void>> wait(SteadyTime deadline = SteadyTime::max());
    /// The same, but cancellation does not end it: for what must be waited for.
    Awaitable<void> wait_uncancelled();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

/// Waits until `deadline`; kCancelled when the task is cancelled.
Awaitable<Result<void>> sleep_until(SteadyTime deadline);

}  // namespace seyir::async
