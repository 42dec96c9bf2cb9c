// SPDX-License-Identifier: Apache-2.0
// DiskBudget: one cap over everything a program keeps on disk until it is delivered: buffers of
// outputs and files that were deleted and are held open. Each holder takes a share. Half of the cap
// is divided among them evenly (to each no more than its own cap), so that one output whose far
// side is dead leaves the others their parts; the rest goes to who comes first. Caps of the
// holders' own still apply. What is there is never cut: a holder beyond the cap only grows no more.
// Threads: thread-safe.   Limits: 0 = no cap.   Ownership: outlives the shares.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <set>

namespace seyir::io {

class DiskBudget {
  public:
    /// One holder's part; given back with the object.
    class Share {
      public:
        /// `least_bytes`: what the holder cannot work without (a segment), guaranteed too.
        /// `most_bytes`: its own cap; more is not kept for it.
        Share(DiskBudget& budget, uint64_t least_bytes, uint64_t most_bytes)
            : budget_(budget), least_bytes_(least_bytes), most_bytes_(most_bytes) {
            const std::lock_guard lock(budget_.mutex_);
            budget_.shares_.insert(this);
        }

        ~Share() {
            const std::lock_guard lock(budget_.mutex_);
            budget_.shares_.erase(this);
        }

        Share(const Share&) = delete;
        Share& operator=(const Share&) = delete;

        /// What the holder has now, whether it fits or not: it is there.
        void hold(uint64_t bytes) {
            const std::lock_guard lock(budget_.mutex_);
            held_ = bytes;
        }

        /// As hold(), when it is guaranteed or leaves the others what is; else nothing changes and
        /// false.
        bool try_hold(uint64_t bytes) {
            const std::lock_guard lock(budget_.mutex_);
            const bool grows = bytes > held_;
            if (budget_.bytes_max_ != 0 && grows && bytes > budget_.guaranteed(*this) &&
                bytes - held_ > budget_.room_beside(*this)) {
                return false;
            }
            held_ = bytes;
            return true;
        }

        /// What the holder should let go of: never what is guaranteed to it.
        uint64_t excess() const {
            const std::lock_guard lock(budget_.mutex_);
            const uint64_t mine = budget_.guaranteed(*this);
            const uint64_t claimed = budget_.claimed();
            if (budget_.bytes_max_ == 0 || held_ <= mine || claimed <= budget_.bytes_max_) {
                return 0;
            }
            return std::min(held_ - mine, claimed - budget_.bytes_max_);
        }

      private:
        friend class DiskBudget;
        DiskBudget& budget_;
        const uint64_t least_bytes_;
        const uint64_t most_bytes_;
        uint64_t held_ = 0;
    };

    explicit DiskBudget(uint64_t bytes_max) : bytes_max_(bytes_max) {}

    void set_limit(uint64_t bytes_max) {
        const std::lock_guard lock(mutex_);
        bytes_max_ = bytes_max;
    }

    uint64_t total() const {
        const std::lock_guard lock(mutex_);
        uint64_t total = 0;
        for (const Share* share : shares_) {
            total += share->held_;
        }
        return total;
    }

    uint64_t limit() const {
        const std::lock_guard lock(mutex_);
        return bytes_max_;
    }

  private:
    uint64_t guaranteed(const Share& share) const {
        const uint64_t even = bytes_max_ / 2 / shares_.size();
        return std::max(share.least_bytes_, std::min(share.most_bytes_, even));
    }

    /// What is held, with what is kept for those that hold less.
    uint64_t claimed() const {
        uint64_t claimed = 0;
        for (const Share* share : shares_) {
            claimed += std::max(share->held_, guaranteed(*share));
        }
        return claimed;
    }

    /// By how much the holder, which has its guaranteed part or will, may grow beyond what it has.
    uint64_t room_beside(const Share& share) const {
        const uint64_t others = claimed() - std::max(share.held_, guaranteed(share));
        const uint64_t taken = others + share.held_;
        return taken < bytes_max_ ? bytes_max_ - taken : 0;
    }

    mutable std::mutex mutex_;
    std::set<const Share*> shares_;
    uint64_t bytes_max_;
};

}  // namespace seyir::io
