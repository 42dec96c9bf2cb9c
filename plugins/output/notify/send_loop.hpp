// SPDX-License-Identifier: Apache-2.0
// SendLoop: threads that take what is delivered and send it, each with a Transfer of its own, so
// that at most `threads` exchanges are under way. After a server asked for a pause (Retry-After)
// nothing is sent before it is over. Nothing is tried again here: that is the buffer's work.
// Threads: deliver() from any thread; `send` runs on the loop's threads, at the same time.
// Ownership: views wait in the queue; the inputs' budgets and the buffer bound how many.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/metrics/registry.hpp"
#include "common/pipeline/output.hpp"
#include "plugins/output/notify/transfer.hpp"

namespace seyir::plugins::notify {

/// An attempt for a whole view, which may have taken several exchanges.
using SendView = std::function<Attempt(const BatchView&, Transfer&)>;

struct SendLoopOptions {
    std::string name;  ///< "http output ID", for messages
    std::string id;    ///< metric label `output`
    uint32_t threads = 1;
    Nanos interval{0};  ///< at least this between two views, for services that count messages
    TransferOptions transfer;
};

class SendLoop {
  public:
    SendLoop(SendLoopOptions options, metrics::Registry& registry, SendView send);
    ~SendLoop();
    SendLoop(const SendLoop&) = delete;
    SendLoop& operator=(const SendLoop&) = delete;

    void start();
    void deliver(BatchView view, pipeline::DeliverDone done);
    /// Sends what is queued while `deadline` allows, answers the rest with kRetry.
    void stop(SteadyTime deadline);
    pipeline::ComponentHealth health() const;

  private:
    struct Work {
        BatchView view;
        pipeline::DeliverDone done;
    };

    void run();
    /// Waits for work and for the pause's end; false = the loop is over.
    bool next(Work& work);
    void answer(Work work, const Attempt& attempt);
    bool is_past_deadline() const;

    const SendLoopOptions options_;
    const SendView send_;
    metrics::Counter& delivered_;
    metrics::Counter& rejected_;
    metrics::Counter& retried_;
    metrics::Counter& left_out_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Work> queue_;
    SteadyTime not_before_{};
    std::string failure_;
    bool stopping_ = false;
    std::atomic<SteadyTime> deadline_{SteadyTime::max()};
    std::vector<std::thread> threads_;
};

}  // namespace seyir::plugins::notify
