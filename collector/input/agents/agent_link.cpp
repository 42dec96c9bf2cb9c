// SPDX-License-Identifier: Apache-2.0
#include "collector/input/agents/agent_link.hpp"

#include <utility>

namespace seyir::collector::input {

AgentLink::AgentLink(std::shared_ptr<async::Event> writer, std::shared_ptr<async::Event> reader)
    : writer_(std::move(writer)), reader_(std::move(reader)) {}

void AgentLink::wake_locked() {
    if (writer_) {
        writer_->set();
    }
}

void AgentLink::answer(const wire::Ack& ack, uint32_t retry_after_ms, uint64_t raw_bytes) {
    const std::lock_guard lock(mutex_);
    in_flight_bytes_ -= raw_bytes;
    --frames_in_flight_;
    if (closed_) {
        return;
    }
    if (retry_after_ms > 0) {
        wire::append_message(out_, wire::Throttle{retry_after_ms, 0});
    }
    wire::append_message(out_, ack);
    wake_locked();
    reader_->set();
}

void AgentLink::probe(std::shared_ptr<async::Event> on_answer) {
    const std::lock_guard lock(mutex_);
    if (closed_) {
        on_answer->set();
        return;
    }
    probe_open_ = true;
    waiters_.push_back(std::move(on_answer));
    wire::append_ping(out_, 1);
    wake_locked();
}

void AgentLink::fence(std::string why) {
    const std::lock_guard lock(mutex_);
    fenced_ = true;
    fence_reason_ = std::move(why);
    wake_locked();
}

void AgentLink::finish() {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    wake_locked();
}

bool AgentLink::alive() const {
    const std::lock_guard lock(mutex_);
    return !closed_ && !fenced_;
}

bool AgentLink::answered_probe() const {
    const std::lock_guard lock(mutex_);
    return !closed_ && (!probe_open_ || paused_);
}

void AgentLink::queue(const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    out_ += bytes;
    wake_locked();
}

void AgentLink::took_frame(uint64_t raw_bytes) {
    const std::lock_guard lock(mutex_);
    in_flight_bytes_ += raw_bytes;
    ++frames_in_flight_;
}

void AgentLink::end_probe_locked() {
    for (const auto& waiter : waiters_) {
        waiter->set();
    }
    waiters_.clear();
}

void AgentLink::on_pong() {
    const std::lock_guard lock(mutex_);
    probe_open_ = false;
    end_probe_locked();
}

void AgentLink::set_paused(bool paused) {
    const std::lock_guard lock(mutex_);
    paused_ = paused;
}

uint64_t AgentLink::in_flight_bytes() const {
    const std::lock_guard lock(mutex_);
    return in_flight_bytes_;
}

AgentLink::Work AgentLink::take() {
    const std::lock_guard lock(mutex_);
    Work work;
    work.bytes.swap(out_);
    work.fenced = fenced_;
    work.fence_reason = fence_reason_;
    work.finished = finishing_ && frames_in_flight_ == 0;
    return work;
}

void AgentLink::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    writer_.reset();
    reader_.reset();
    out_.clear();
    end_probe_locked();
}

}  // namespace seyir::collector::input
