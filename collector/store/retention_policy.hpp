// SPDX-License-Identifier: Apache-2.0
// RetentionPolicy: how long records are kept: a time for all, and for streams of a class another.
// Threads: immutable, thread-safe as long as the classes' functions are.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include "common/base/time.hpp"
#include "common/record/stream_labels.hpp"

namespace seyir::store {

struct RetentionClass {
    std::function<bool(const StreamLabels&)> matches;  ///< pure and thread-safe
    Nanos retention{0};                                ///< more than 0
};

class RetentionPolicy {
  public:
    /// 0 keeps everything for ever.
    template <class Rep, class Period>
    RetentionPolicy(std::chrono::duration<Rep, Period> all) : all_(all) {}

    /// The first class that matches decides; `all` for streams of none.
    RetentionPolicy(Nanos all, std::vector<RetentionClass> classes)
        : all_(all), classes_(std::move(classes)) {}

    Nanos of(const StreamLabels& labels) const {
        for (const RetentionClass& one : classes_) {
            if (one.matches(labels)) {
                return one.retention;
            }
        }
        return all_;
    }

    /// Of streams of no class.
    Nanos all() const { return all_; }

    /// No stream is kept longer; 0 when some are kept for ever.
    Nanos longest() const {
        Nanos out = all_;
        for (const RetentionClass& one : classes_) {
            out = out.count() == 0 ? out : std::max(out, one.retention);
        }
        return out;
    }

    /// Every stream is kept at least as long; 0 when all are kept for ever.
    Nanos shortest() const {
        Nanos out = all_;
        for (const RetentionClass& one : classes_) {
            out = out.count() == 0 ? one.retention : std::min(out, one.retention);
        }
        return out;
    }

  private:
    Nanos all_;
    std::vector<RetentionClass> classes_;
};

}  // namespace seyir::store
