// SPDX-License-Identifier: Apache-2.0
// UrgentThread: runs pieces of work at the program's own priority for a thread that has given its
// own away: Linux lets only a privileged one take it back (setpriority(2), RLIMIT_NICE).
// Threads: run() from one thread at a time, which waits; the thread that calls start() must still
// have the program's priority.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "common/base/result.hpp"

namespace seyir::store {

class UrgentThread {
  public:
    using Piece = std::function<Result<void>()>;

    UrgentThread() = default;
    ~UrgentThread();
    UrgentThread(const UrgentThread&) = delete;
    UrgentThread& operator=(const UrgentThread&) = delete;

    void start();
    /// Requires: nobody is in run().
    void stop();

    Result<void> run(const Piece& piece);

  private:
    void loop();

    std::mutex mutex_;
    std::condition_variable changed_;
    const Piece* piece_ = nullptr;
    std::optional<Result<void>> outcome_;
    bool is_stopping_ = false;
    std::thread thread_;
};

}  // namespace seyir::store
