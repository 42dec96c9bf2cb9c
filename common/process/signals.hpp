// SPDX-License-Identifier: Apache-2.0
// Signals as values: block them in every thread, then wait for them in one place.
#pragma once

#include <initializer_list>
#include <optional>

#include "common/base/time.hpp"

namespace seyir::process {

/// Blocks the signals in this thread and all it starts later; call first thing in main. SIGPIPE is
/// ignored: a closed socket is an error value here.
class Signals {
  public:
    explicit Signals(std::initializer_list<int> signals);
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    /// The next signal, or nothing after `timeout`. One thread.
    std::optional<int> wait(Nanos timeout);

  private:
    int fd_ = -1;
};

}  // namespace seyir::process
