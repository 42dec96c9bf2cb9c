// SPDX-License-Identifier: Apache-2.0
#include "common/record/ack_token.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace seyir {

void DeliveryReport::merge(DeliveryReport other) {
    if (other.outcome > outcome) {
        outcome = other.outcome;
        message = std::move(other.message);
        if (dropped == 0 && !other.reason.empty()) {
            reason = std::move(other.reason);  // of the outcome, as no rows need it
        }
    }
    retry_after = std::max(retry_after, other.retry_after);
    accepted = std::max(accepted, other.accepted);
    duplicate = std::max(duplicate, other.duplicate);
    dropped = std::max(dropped, other.dropped);
    if (reason.empty()) {
        reason = std::move(other.reason);
    }
    for (LaneVerdict& lane : other.lanes) {
        lanes.push_back(lane);
    }
}

struct AckToken::State {
    std::mutex mutex;
    uint32_t shares = 1;
    bool merged_any = false;
    DeliveryReport report;
    OnResolved on_resolved;

    void finish_share(DeliveryReport share) {
        DeliveryReport final_report;
        {
            const std::lock_guard lock(mutex);
            if (merged_any) {
                report.merge(std::move(share));
            } else {
                report = std::move(share);
                merged_any = true;
            }
            if (--shares != 0) {
                return;
            }
            final_report = std::move(report);
        }
        on_resolved(final_report);
    }
};

AckToken::AckToken(OnResolved on_resolved) : state_(std::make_shared<State>()) {
    state_->on_resolved = std::move(on_resolved);
}

AckToken& AckToken::operator=(AckToken&& other) noexcept {
    if (this != &other) {
        resolve(DeliveryReport::retry("replaced before an answer"));
        state_ = std::move(other.state_);
    }
    return *this;
}

AckToken::~AckToken() {
    resolve(DeliveryReport::retry("dropped before an answer"));
}

AckToken AckToken::clone() const {
    if (state_ == nullptr) {
        return {};
    }
    const std::lock_guard lock(state_->mutex);
    ++state_->shares;
    return AckToken(state_);
}

void AckToken::resolve(DeliveryReport report) {
    if (const auto state = std::exchange(state_, nullptr)) {
        state->finish_share(std::move(report));
    }
}

}  // namespace seyir
