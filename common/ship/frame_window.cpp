// SPDX-License-Identifier: Apache-2.0
#include "common/ship/frame_window.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace seyir::ship {
namespace {

DeliveryReport report_of(const wire::Ack& ack, const OutFrame& frame) {
    DeliveryReport report;
    report.outcome = ack.outcome;
    report.accepted = ack.accepted;
    report.duplicate = ack.duplicate;
    report.message = ack.message;
    report.lanes = ack.lanes;
    for (const wire::Rejected& rejected : ack.rejected) {
        report.dropped += rejected.rows;
        report.reason = rejected.reason;
    }
    if (frame.dropped_rows > 0) {
        report.outcome = std::max(report.outcome, Outcome::kRejected);
        report.dropped += frame.dropped_rows;
        report.reason = frame.drop_reason;
    }
    return report;
}

}  // namespace

void FrameWindow::push(OutFrame frame) {
    frames_.push_back(std::move(frame));
}

OutFrame* FrameWindow::next(uint64_t credit_bytes) {
    if (refused_ > 0) {
        return nullptr;
    }
    const auto at = std::ranges::find(frames_, OutFrame::State::kWaiting, &OutFrame::state);
    if (at == frames_.end()) {
        return nullptr;
    }
    const bool fits = sent_bytes_ + at->encoded.raw_bytes <= credit_bytes;
    return fits || sent_ == 0 ? &*at : nullptr;
}

void FrameWindow::mark_sent(OutFrame& frame, uint64_t seq, SteadyTime now) {
    frame.state = OutFrame::State::kSent;
    frame.seq = seq;
    frame.ever_sent = true;
    frame.sent_at = now;
    ++sent_;
    sent_bytes_ += frame.encoded.raw_bytes;
}

Result<std::optional<AnsweredFrame>> FrameWindow::on_ack(const wire::Ack& ack) {
    const auto at = std::ranges::find_if(frames_, [&](const OutFrame& frame) {
        return frame.state == OutFrame::State::kSent && frame.seq == ack.seq;
    });
    if (at == frames_.end()) {
        return fail(
            ErrorCode::kCorrupt, fmt::format("answer for frame {}, which is not under way", ack.seq)
        );
    }
    --sent_;
    sent_bytes_ -= at->encoded.raw_bytes;
    // Behind an unstored frame a gap is its consequence: only the oldest frame's verdict counts.
    const bool consequence = ack.outcome == Outcome::kRewind && at != frames_.begin();
    if (ack.outcome == Outcome::kRetry || consequence) {
        at->state = OutFrame::State::kRefused;
        ++refused_;
        return std::optional<AnsweredFrame>();
    }
    AnsweredFrame out{std::move(*at), {}};
    out.report = report_of(ack, out.frame);
    frames_.erase(at);
    return std::optional(std::move(out));
}

void FrameWindow::resend() {
    for (OutFrame& frame : frames_) {
        frame.state = OutFrame::State::kWaiting;
    }
    refused_ = 0;
}

void FrameWindow::on_disconnect() {
    resend();
    sent_ = 0;
    sent_bytes_ = 0;
}

std::vector<OutFrame> FrameWindow::take_all() {
    std::vector<OutFrame> out;
    for (OutFrame& frame : frames_) {
        out.push_back(std::move(frame));
    }
    frames_.clear();
    on_disconnect();
    return out;
}

bool FrameWindow::pinned() const {
    return std::ranges::any_of(frames_, &OutFrame::ever_sent);
}

std::optional<SteadyTime> FrameWindow::oldest_sent() const {
    const auto at = std::ranges::find(frames_, OutFrame::State::kSent, &OutFrame::state);
    return at == frames_.end() ? std::nullopt : std::optional(at->sent_at);
}

}  // namespace seyir::ship
