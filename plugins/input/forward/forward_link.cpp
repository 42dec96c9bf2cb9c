// SPDX-License-Identifier: Apache-2.0
#include "plugins/input/forward/forward_link.hpp"

#include <utility>

#include "common/codec/msgpack.hpp"

namespace seyir::plugins::forward {

namespace {

constexpr size_t kAckBytesMax = 64 * 1024;

}  // namespace

void ForwardLink::wake_locked() {
    if (writer_) {
        writer_->set();
    }
}

void ForwardLink::answered(std::string_view chunk) {
    const std::lock_guard lock(mutex_);
    --in_flight_;
    if (!chunk.empty() && writer_) {
        codec::MsgpackWriter to(out_);
        to.map(1);
        to.str("ack");
        out_ += chunk;
    }
    if (!chunk.empty() || finishing_) {
        wake_locked();
    }
}

void ForwardLink::refused() {
    const std::lock_guard lock(mutex_);
    --in_flight_;
    refused_ = true;
    wake_locked();
}

void ForwardLink::sent_on() {
    const std::lock_guard lock(mutex_);
    ++in_flight_;
}

void ForwardLink::finish() {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    wake_locked();
}

ForwardLink::Work ForwardLink::take() {
    const std::lock_guard lock(mutex_);
    Work work;
    work.bytes.swap(out_);
    work.ends = refused_ || (finishing_ && in_flight_ == 0);
    return work;
}

bool ForwardLink::is_backed_up() const {
    const std::lock_guard lock(mutex_);
    return out_.size() > kAckBytesMax;
}

void ForwardLink::close() {
    const std::lock_guard lock(mutex_);
    writer_.reset();
    out_.clear();
}

}  // namespace seyir::plugins::forward
