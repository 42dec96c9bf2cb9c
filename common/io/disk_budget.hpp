// SPDX-License-Identifier: Apache-2.0
// DiskBudget: one cap over everything a program keeps on disk until it is delivered: buffers of
// outputs and files that were deleted and are held open. Each holder says what it has; the caps of
// its own still apply. Threads: thread-safe.   Limits: 0 = no cap.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace seyir::io {

class DiskBudget {
  public:
    explicit DiskBudget(uint64_t bytes_max) : bytes_max_(bytes_max) {}

    void set_limit(uint64_t bytes_max) {
        const std::lock_guard lock(mutex_);
        bytes_max_ = bytes_max;
    }

    /// What the holder has now, whether it fits or not: it is there.
    void hold(const std::string& holder, uint64_t bytes) {
        const std::lock_guard lock(mutex_);
        total_ += bytes - held_[holder];
        held_[holder] = bytes;
    }

    /// As hold(), when everything together stays within the cap; else nothing changes and false.
    bool try_hold(const std::string& holder, uint64_t bytes) {
        const std::lock_guard lock(mutex_);
        const uint64_t before = held_[holder];
        if (bytes_max_ != 0 && bytes > before && total_ - before + bytes > bytes_max_) {
            return false;
        }
        total_ += bytes - before;
        held_[holder] = bytes;
        return true;
    }

    /// By how much all holders together are over the cap.
    uint64_t excess() const {
        const std::lock_guard lock(mutex_);
        return bytes_max_ != 0 && total_ > bytes_max_ ? total_ - bytes_max_ : 0;
    }

    uint64_t total() const {
        const std::lock_guard lock(mutex_);
        return total_;
    }

    uint64_t limit() const {
        const std::lock_guard lock(mutex_);
        return bytes_max_;
    }

  private:
    mutable std::mutex mutex_;
    std::map<std::string, uint64_t> held_;
    uint64_t total_ = 0;
    uint64_t bytes_max_;
};

}  // namespace seyir::io
