// SPDX-License-Identifier: Apache-2.0
// FrameEncoder: the one thread that turns views into frames. Keeps at most the output's in-flight
// bytes encoded ahead; what waits behind it is bounded by the inputs' budgets.
// Room: BatchView -> OutFrame.
// Threads: deliver(), release() and flush() are thread-safe; frames leave on its own thread.
// Errors: a batch beyond a format limit goes out without its rows (its positions must move on) and
// is answered as rejected, counted with the reason `frame_too_large`.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "common/metrics/registry.hpp"
#include "common/pipeline/output.hpp"
#include "common/record/batch_codec.hpp"
#include "common/ship/frame_window.hpp"

namespace seyir::ship {

/// The frame goes out as one of records without rows: its positions move on, `reason` counts what
/// is left out. For what the collector at the other end does not know.
void leave_rows_out(OutFrame& frame, std::string reason);

class FrameEncoder {
  public:
    using Sink = std::function<void(OutFrame)>;

    FrameEncoder(EncodeOptions options, uint64_t in_flight_bytes_max);
    ~FrameEncoder();

    void start(Sink sink);
    void deliver(BatchView view, pipeline::DeliverDone done);
    /// A frame was answered; its bytes may be used again.
    void release(uint64_t bytes);
    /// Answers what is not encoded yet with kRetry.
    void flush(const std::string& why);
    /// The same, and ends the thread.
    void stop();

  private:
    struct Waiting {
        BatchView view;
        pipeline::DeliverDone done;
    };

    void run();
    std::optional<OutFrame> encode(Waiting& waiting);

    BatchEncoder encoder_;
    const uint64_t in_flight_bytes_max_;
    Sink sink_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Waiting> queue_;
    uint64_t in_flight_bytes_ = 0;
    bool stopped_ = false;
    std::thread thread_;
};

}  // namespace seyir::ship
