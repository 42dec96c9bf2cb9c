// SPDX-License-Identifier: Apache-2.0
// WriteLoop: the thread that local outputs share: it takes everything queued, writes it as one
// piece, makes it durable, and answers. A failed write is tried again until it works or the output
// stops; nothing is answered before it is durable.
// Limits: 64 MiB of batches wait (one larger batch does too, alone); what comes then is answered
// kRetry, so that its source keeps it.
// Threads: deliver() from any thread; write and sync run on the loop's own thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "common/base/units.hpp"
#include "common/pipeline/output.hpp"

namespace seyir::plugins {

class WriteLoop {
  public:
    /// Writes all of the bytes durably or leaves no part of them behind.
    using WriteDurably = std::function<Result<void>(std::string_view)>;
    using FormatRows = std::function<void(std::string&, const BatchView&)>;

    static constexpr uint64_t kQueueBytesMax = 64 * kMiB;

    WriteLoop(
        std::string name,
        FormatRows format,
        WriteDurably write,
        uint64_t queue_bytes_max = kQueueBytesMax
    );
    ~WriteLoop();
    WriteLoop(const WriteLoop&) = delete;
    WriteLoop& operator=(const WriteLoop&) = delete;

    void start();
    void deliver(BatchView view, pipeline::DeliverDone done);
    /// Writes what is queued while `deadline` allows, answers the rest with kRetry.
    void stop(SteadyTime deadline);
    pipeline::ComponentHealth health() const;

  private:
    struct Work {
        BatchView view;
        uint64_t bytes = 0;
        pipeline::DeliverDone done;
    };

    void run();
    bool write_with_retry(const std::deque<Work>& group);
    bool wait_before_retry(Nanos delay);
    void note(const Result<void>& result);

    const std::string name_;
    const FormatRows format_;
    const WriteDurably write_;
    const uint64_t queue_bytes_max_;
    std::string buffer_;  // the loop thread's

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Work> queue_;
    uint64_t queued_bytes_ = 0;  ///< of queue_ and of what is being written
    bool stopping_ = false;
    SteadyTime deadline_{};
    std::string failure_;
    std::thread thread_;
};

}  // namespace seyir::plugins
