// SPDX-License-Identifier: Apache-2.0
#include "common/io/clock.hpp"

#include <ctime>

namespace seyir::io {
namespace {

class SystemClock final : public Clock {
  public:
    UnixNanos wall_now() const override {
        std::timespec now{};
        clock_gettime(CLOCK_REALTIME, &now);
        return {now.tv_sec * 1'000'000'000LL + now.tv_nsec};
    }

    SteadyTime steady_now() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace

Clock& system_clock() {
    static SystemClock clock;
    return clock;
}

}  // namespace seyir::io
