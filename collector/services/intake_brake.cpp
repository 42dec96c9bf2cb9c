// SPDX-License-Identifier: Apache-2.0
#include "collector/services/intake_brake.hpp"

#include <algorithm>

namespace seyir::collector {
namespace {

/// What may come at once, so that small requests are not spaced out.
constexpr Nanos kBurst = std::chrono::seconds(1);

}  // namespace

uint64_t IntakeBrake::rate_for(uint64_t free_bytes, uint64_t soft_bytes, uint64_t hard_bytes) {
    if (soft_bytes <= hard_bytes || free_bytes >= soft_bytes) {
        return 0;
    }
    const uint64_t above = free_bytes - std::min(free_bytes, hard_bytes);
    const double share = static_cast<double>(above) / static_cast<double>(soft_bytes - hard_bytes);
    return kSlowest + static_cast<uint64_t>(share * static_cast<double>(kFastest - kSlowest));
}

void IntakeBrake::set_rate(uint64_t bytes_per_second) {
    const std::lock_guard lock(mutex_);
    if (rate_ == 0) {
        free_at_ = clock_.steady_now();
    }
    rate_ = static_cast<double>(bytes_per_second);
    is_on_ = bytes_per_second > 0;
}

Nanos IntakeBrake::wait() const {
    if (!is_on_) {
        return Nanos(0);
    }
    const std::lock_guard lock(mutex_);
    return std::max(free_at_ - clock_.steady_now() - kBurst, Nanos(0));
}

void IntakeBrake::charge(uint64_t bytes) {
    if (!is_on_) {
        return;
    }
    const std::lock_guard lock(mutex_);
    if (rate_ == 0) {
        return;
    }
    const SteadyTime now = clock_.steady_now();
    const double seconds = std::min(static_cast<double>(bytes) / rate_, 60.0);
    const auto cost = Nanos(static_cast<int64_t>(seconds * 1e9));
    free_at_ = std::min(std::max(free_at_, now) + cost, now + kWaitMax + kBurst);
}

}  // namespace seyir::collector
