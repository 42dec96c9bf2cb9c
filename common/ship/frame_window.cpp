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
    hold_if_pinned(frames_.back());
}

void FrameWindow::set_place(const Place& place, bool may_move) {
    place_ = place;
    may_move_ = may_move;
    held_ = 0;
    held_lanes_.clear();
    for (OutFrame& frame : frames_) {
        hold_if_pinned(frame);
    }
}

void FrameWindow::hold_if_pinned(OutFrame& frame) {
    const bool is_pinned = frame.ever_sent && !frame.sent_to.is_same(place_);
    const bool is_behind = std::ranges::any_of(frame.lanes, [this](const SourceKey& key) {
        return held_lanes_.contains(key);
    });
    frame.held = !may_move_ && (is_pinned || is_behind);
    if (frame.held) {
        ++held_;
        held_lanes_.insert(frame.lanes.begin(), frame.lanes.end());
    }
}

OutFrame* FrameWindow::next(uint64_t credit_bytes) {
    if (refused_ > 0) {
        return nullptr;
    }
    const auto at = std::ranges::find_if(frames_, [](const OutFrame& frame) {
        return frame.state == OutFrame::State::kWaiting && !frame.held;
    });
    if (at == frames_.end()) {
        return nullptr;
    }
    const bool fits = sent_bytes_ + at->encoded.raw_bytes <= credit_bytes;
    return fits || sent_ == 0 ? &*at : nullptr;
}

uint32_t FrameWindow::mark_sent(OutFrame& frame, uint64_t seq, SteadyTime now) {
    const bool is_elsewhere = frame.ever_sent && !frame.sent_to.is_same(place_);
    frame.sent_to = place_;
    frame.state = OutFrame::State::kSent;
    frame.seq = seq;
    frame.ever_sent = true;
    frame.sent_at = now;
    ++sent_;
    sent_bytes_ += frame.encoded.raw_bytes;
    return is_elsewhere ? frame.rows : 0;
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
    // Frames held back share no lane with it.
    const bool consequence =
        ack.outcome == Outcome::kRewind &&
        std::any_of(frames_.begin(), at, [](const auto& frame) { return !frame.held; });
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
    held_lanes_.clear();
    held_ = 0;
    on_disconnect();
    return out;
}

uint64_t FrameWindow::rows_sent_elsewhere() const {
    uint64_t rows = 0;
    for (const OutFrame& frame : frames_) {
        rows += frame.ever_sent && !frame.sent_to.is_same(place_) ? frame.rows : 0;
    }
    return rows;
}

std::optional<size_t> FrameWindow::pinned_elsewhere() const {
    if (held_ == 0) {
        return std::nullopt;
    }
    const auto at = std::ranges::find_if(frames_, [](const OutFrame& frame) {
        return frame.held && frame.ever_sent;
    });
    return at == frames_.end() ? std::nullopt : std::optional(at->sent_to.endpoint);
}

std::optional<SteadyTime> FrameWindow::oldest_sent() const {
    const auto at = std::ranges::find(frames_, OutFrame::State::kSent, &OutFrame::state);
    return at == frames_.end() ? std::nullopt : std::optional(at->sent_at);
}

}  // namespace seyir::ship
