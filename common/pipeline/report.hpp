// SPDX-License-Identifier: Apache-2.0
// What components tell of themselves beside their health: how far inputs are behind, where outputs
// stand. Found by dynamic_cast, for not every component has something to tell.
// Threads: report() from any.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "common/base/time.hpp"

namespace seyir::pipeline {

struct InputReport {
    /// Taken in, or waiting in the source where that can be seen, and not acknowledged. Nothing:
    /// the source does not tell (a journal).
    std::optional<uint64_t> lag_bytes;
    double lag_seconds = 0;        ///< age of the oldest of it
    uint64_t in_flight_bytes = 0;  ///< memory of batches without an answer
    bool is_at_end = false;        ///< nothing in the source is unread, as far as it was looked at
    /// How long its loop has not come back to its wait; nothing: it waits.
    std::optional<Nanos> busy_for;
    std::string details;  ///< JSON members of its own, `"files":3,"open_files":2`; "" for none
};

class ReportsInput {
  public:
    virtual ~ReportsInput() = default;
    virtual InputReport report() const = 0;
};

class ReportsOutput {
  public:
    virtual ~ReportsOutput() = default;
    /// JSON members, without braces: `"endpoint":"logs1:7443","connected":true`; "" for none.
    virtual std::string report() const = 0;
};

/// Whether an output has somebody who takes its records.
struct Contact {
    std::optional<SteadyTime> connected_since;  ///< of the connection there is now
    /// The last answer that records are stored.
    std::optional<SteadyTime> stored_at;
    /// The end of the last connection that lasted (one that is let in and thrown out did not).
    std::optional<SteadyTime> lasted_until;
    std::string endpoints;         ///< all it may connect to, for people
    std::string problem;           ///< why there is no connection
    uint64_t under_way_bytes = 0;  ///< sent, and not answered
    uint64_t waiting_rows = 0;     ///< in the spool or disk buffer before it
    uint64_t waiting_bytes = 0;
};

class ReportsContact {
  public:
    virtual ~ReportsContact() = default;
    /// Nothing: the output has no connection to speak of.
    virtual std::optional<Contact> contact() const = 0;
};

/// When the oldest of what has no answer yet was taken in. Thread-safe.
class OldestUnanswered {
  public:
    uint64_t begin(SteadyTime now) {
        const std::lock_guard lock(mutex_);
        began_.emplace(++last_, now);
        return last_;
    }

    void end(uint64_t number) {
        const std::lock_guard lock(mutex_);
        began_.erase(number);
    }

    /// 0: all has been answered.
    double age_seconds(SteadyTime now) const {
        const std::lock_guard lock(mutex_);
        return began_.empty() ? 0
                              : std::chrono::duration<double>(now - began_.begin()->second).count();
    }

  private:
    mutable std::mutex mutex_;
    std::map<uint64_t, SteadyTime> began_;  ///< by number: the first is the oldest
    uint64_t last_ = 0;
};

}  // namespace seyir::pipeline
