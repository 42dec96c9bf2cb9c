// SPDX-License-Identifier: Apache-2.0
// eventually(condition): for what other threads do; true as soon as it holds, false at the
// deadline.
#pragma once

#include <chrono>
#include <thread>

namespace seyir::test {

template <class Condition>
bool eventually(Condition&& condition, std::chrono::seconds patience = std::chrono::seconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

}  // namespace seyir::test
