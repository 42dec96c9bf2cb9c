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

class LogGuard {
  public:
    LogGuard(io::FileSystem& fs, io::Clock& clock, std::string data_dir);

    /// Before the database opens. True: commits are missing that were not known to be missing.
    Result<bool> look();
    /// After it opened, or closed: the log that must be there next time. `since`: what is in that
    /// log and in later ones came at this time or later.
    Result<void> remember(bool is_closed, UnixNanos since);
    /// What look() found, now or at an earlier open; "" once its notes were deleted.
    Result<std::string> notes();
    /// When the records came that may be missing, as the notes say; the end is excluded.
    Result<std::vector<TimeRange>> missing();

  private:
    io::FileSystem& fs_;
    io::Clock& clock_;
    const std::string data_dir_;
};

}  // namespace seyir::store
