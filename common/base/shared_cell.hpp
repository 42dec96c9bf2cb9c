// SPDX-License-Identifier: Apache-2.0
// SharedCell: a shared_ptr that threads read while another replaces it. Instead of
// std::atomic<std::shared_ptr>, whose load() in libstdc++ 12 ends with a relaxed unlock (GCC bug
// 101761): the next store is not ordered after it.
// Threads: thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace seyir {

template <class T>
class SharedCell {
  public:
    std::shared_ptr<T> load() const {
        const std::lock_guard lock(mutex_);
        return value_;
    }

    void store(std::shared_ptr<T> value) {
        {
            const std::lock_guard lock(mutex_);
            value_.swap(value);
        }
        // What was there before dies here, outside the lock.
    }

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<T> value_;
};

}  // namespace seyir
