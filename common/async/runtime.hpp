// SPDX-License-Identifier: Apache-2.0
// Runtime: the I/O threads. Each thread owns one executor, so state touched only from one executor
// needs no lock and no strand. Never block on these threads: offload() instead.
// Threads: executor(), size(), stop() are thread-safe.   Ownership: must outlive every object that
// uses one of its executors; the destructor stops.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "common/async/awaitable.hpp"

namespace seyir::async {

class Runtime {
  public:
    /// Starts `threads` (at least 1) threads named `name`.
    explicit Runtime(std::string name, size_t threads = 1);
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    /// The next thread's executor, in turn.
    Executor executor();
    /// That of one thread (index modulo size).
    Executor executor(size_t index);

    size_t size() const { return workers_.size(); }

    /// Ends the threads; work still queued is destroyed with the Runtime. Idempotent. Not to be
    /// called from one of its own threads.
    void stop();

  private:
    struct Worker;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::atomic<size_t> next_{0};
};

}  // namespace seyir::async
