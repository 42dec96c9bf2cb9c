// SPDX-License-Identifier: Apache-2.0
// LogGuard: notices at open that acknowledged commits are missing because the database's log was
// damaged or removed, keeps what is left of it under `quarantine/`, and remembers until an operator
// has seen it.
// Room: data_dir -> a note, or nothing.   Threads: one at a time.
// Errors: kIo when the data directory cannot be read or written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"

namespace seyir::store {

/// How much later than when it came a record's own time is at most: a clock or time zone that is
/// wrong. Answers about times up to so long after a loss are partial.
inline constexpr Nanos kClockAheadMax = std::chrono::hours(24);

/// A note of look(): commits that are missing. Counts until its file is deleted.
struct LostLog {
    std::string note;  ///< the path of its file
    std::string what;
    TimeRange came;  ///< when the records came that may be missing; the end is excluded

    /// From here on answers are whole.
    UnixNanos partial_until() const {
        const bool ends_late = came.end > UnixNanos::max() - kClockAheadMax;
        return ends_late ? UnixNanos::max() : came.end + kClockAheadMax;
    }
};

/// One line for an operator: what is missing, what that means and what to do; "" when nothing is.
std::string lost_logs_text(const std::vector<LostLog>& lost);

class LogGuard {
  public:
    LogGuard(io::FileSystem& fs, io::Clock& clock, std::string data_dir);

    /// Before the database opens. True: commits are missing that were not known to be missing.
    Result<bool> look();
    /// After it opened, or closed: the log that must be there next time. `since`: what is in that
    /// log and in later ones came at this time or later.
    Result<void> remember(bool is_closed, UnixNanos since);
    /// What look() found, now or at an earlier open, by the notes that are still there.
    Result<std::vector<LostLog>> lost();

  private:
    io::FileSystem& fs_;
    io::Clock& clock_;
    const std::string data_dir_;
};

}  // namespace seyir::store
