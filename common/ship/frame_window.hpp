// SPDX-License-Identifier: Apache-2.0
// FrameWindow: the frames of one output that have no answer yet, in order. Decides what may be
// sent and where, what an answer means and what is sent again. No I/O. Threads: one owner (the
// output's I/O thread). Limits: bytes are bounded by whoever pushes; what is under way by the
// collector's credit. Spec: docs/format/wire.md, "Conversation" and "Several endpoints".
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/pipeline/output.hpp"
#include "common/record/encoded_batch.hpp"
#include "common/wire/messages.hpp"

namespace seyir::ship {

/// Where a frame can be sent: one of the output's endpoints, and the store it showed.
struct Place {
    size_t endpoint = 0;
    StoreId store;

    /// The same store behind two endpoints is one place: exactly once holds per store. Another
    /// store at the same endpoint took the place of the first.
    bool is_same(const Place& other) const {
        return endpoint == other.endpoint || store == other.store;
    }
};

struct OutFrame {
    EncodedBatch encoded;
    wire::FrameKind kind = wire::FrameKind::kLogs;
    uint32_t rows = 0;
    UnixNanos min_ts;
    UnixNanos max_ts;
    uint64_t budget_bytes = 0;  ///< what it holds of the output's in-flight bytes
    uint32_t dropped_rows = 0;  ///< left out because they could not be encoded
    std::string drop_reason;
    std::vector<SourceKey> lanes;  ///< whose positions it carries
    pipeline::DeliverDone done;

    enum class State : uint8_t { kWaiting, kSent, kRefused };
    State state = State::kWaiting;
    uint64_t seq = 0;        ///< on this connection
    bool ever_sent = false;  ///< some collector may have it
    Place sent_to;           ///< the last one, when ever_sent
    bool held = false;       ///< pinned to another place, or of a lane that is
    SteadyTime sent_at;
};

struct AnsweredFrame {
    OutFrame frame;
    DeliveryReport report;
};

class FrameWindow {
  public:
    void push(OutFrame frame);

    /// What is sent from now on goes there. Frames that another place may have, and those behind
    /// them in the same lanes, are held back unless `may_move`: a store that has what comes behind
    /// would take what comes before for stored.
    void set_place(const Place& place, bool may_move);

    /// The next frame to send, or nullptr: none waits, the credit is used up, or refused frames
    /// must be sent again first. One frame may always be under way.
    OutFrame* next(uint64_t credit_bytes);
    /// How many rows another place may have, too.
    uint32_t mark_sent(OutFrame& frame, uint64_t seq, SteadyTime now);

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

    /// Rows that went to another place than the present one and have no answer.
    uint64_t rows_sent_elsewhere() const;
    /// The endpoint the oldest frame held back waits for.
    std::optional<size_t> pinned_elsewhere() const;

    /// Frames that wait for another place.
    size_t held() const { return held_; }

    /// When the oldest frame under way was sent.
    std::optional<SteadyTime> oldest_sent() const;

  private:
    void hold_if_pinned(OutFrame& frame);

    std::deque<OutFrame> frames_;
    Place place_;
    bool may_move_ = false;
    std::set<SourceKey> held_lanes_;
    size_t held_ = 0;
    size_t sent_ = 0;
    size_t refused_ = 0;
    uint64_t sent_bytes_ = 0;
};

}  // namespace seyir::ship
