// SPDX-License-Identifier: Apache-2.0
// FrameWindow: the frames of one output that have no answer yet, in order. Decides what may be
// sent, what an answer means and what is sent again. No I/O. Threads: one owner (the output's I/O
// thread). Limits: bytes are bounded by whoever pushes; what is under way by the collector's
// credit. Spec: docs/format/wire.md, "Conversation".
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/pipeline/output.hpp"
#include "common/record/encoded_batch.hpp"
#include "common/wire/messages.hpp"

namespace seyir::ship {

struct OutFrame {
    EncodedBatch encoded;
    wire::FrameKind kind = wire::FrameKind::kLogs;
    uint32_t rows = 0;
    UnixNanos min_ts;
    UnixNanos max_ts;
    uint64_t budget_bytes = 0;  ///< what it holds of the output's in-flight bytes
    uint32_t dropped_rows = 0;  ///< left out because they could not be encoded
    std::string drop_reason;
    pipeline::DeliverDone done;

    enum class State : uint8_t { kWaiting, kSent, kRefused };
    State state = State::kWaiting;
    uint64_t seq = 0;        ///< on this connection
    bool ever_sent = false;  ///< some collector may have it
    SteadyTime sent_at;
};

struct AnsweredFrame {
    OutFrame frame;
    DeliveryReport report;
};

class FrameWindow {
  public:
    void push(OutFrame frame);

    /// The next frame to send, or nullptr: none waits, the credit is used up, or refused frames
    /// must be sent again first. One frame may always be under way.
    OutFrame* next(uint64_t credit_bytes);
    void mark_sent(OutFrame& frame, uint64_t seq, SteadyTime now);

    /// The frame that is done with; nothing when it must be sent again. kCorrupt for a seq that is
    /// not under way.
    Result<std::optional<AnsweredFrame>> on_ack(const wire::Ack& ack);

    /// Some frame was refused for now and nothing is under way: send everything left again.
    bool wants_resend() const { return refused_ > 0 && sent_ == 0; }

    void resend();
    /// The connection is gone; everything waits again.
    void on_disconnect();

    std::vector<OutFrame> take_all();

    bool empty() const { return frames_.empty(); }

    size_t size() const { return frames_.size(); }

    uint64_t sent_bytes() const { return sent_bytes_; }

    /// Some frame may have reached the collector: another one cannot be told what became of it.
    bool pinned() const;
    /// When the oldest frame under way was sent.
    std::optional<SteadyTime> oldest_sent() const;

  private:
    std::deque<OutFrame> frames_;
    size_t sent_ = 0;
    size_t refused_ = 0;
    uint64_t sent_bytes_ = 0;
};

}  // namespace seyir::ship
