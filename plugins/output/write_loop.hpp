// SPDX-License-Identifier: Apache-2.0
// WriteLoop: the thread that local outputs share: it takes everything queued, writes it as one
// piece, makes it durable, and answers. A failed write is tried again until it works or the output
// stops; nothing is answered before it is durable.
// Threads: deliver() from any thread; write and sync run on the loop's own thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "common/pipeline/output.hpp"

namespace seyir::plugins {

class WriteLoop {
  public:
    /// Writes all of the bytes durably or leaves no part of them behind.
    using WriteDurably = std::function<Result<void>(std::string_view)>;
    using FormatRows = std::function<void(std::string&, const BatchView&)>;

    WriteLoop(std::string name, FormatRows format, WriteDurably write);
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
        pipeline::DeliverDone done;
    };

    void run();
    bool write_with_retry(const std::deque<Work>& group);
    bool wait_before_retry(Nanos delay);
    void note(const Result<void>& result);

    const std::string name_;
    const FormatRows format_;
    const WriteDurably write_;
    std::string buffer_;  // the loop thread's

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Work> queue_;
    bool stopping_ = false;
    SteadyTime deadline_{};
    std::string failure_;
    std::thread thread_;
};

}  // namespace seyir::plugins
