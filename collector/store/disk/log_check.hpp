// SPDX-License-Identifier: Apache-2.0
// check_logs(): whether the database's write-ahead logs, and the log of its files (MANIFEST), are
// whole, before it opens. RocksDB replays
// a log up to the first record that fails its checksum and says nothing of those behind it, which
// were acknowledged.
// Room: *.log files -> what is wrong.   Threads: pure but for the files.
// Errors: kIo when they cannot be read.   Cost: reads them once, at most as long as RocksDB does.
// Format: RocksDB wiki, "Write Ahead Log File Format": blocks of 32 KiB; a record is a masked
// CRC-32C of type and payload, the payload's length (u16) and a type (1 whole, 2 first, 3 middle, 4
// last).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.hpp"
#include "common/io/file_system.hpp"

namespace seyir::store {

struct LogDamage {
    std::string file;     ///< its name; "" when a log is missing
    uint64_t offset = 0;  ///< of the first record that is damaged
    uint64_t bytes = 0;   ///< from there to the end of the file
    std::string what;     ///< for people
};

/// What is known of the logs from the last time the database was open.
struct KnownLogs {
    uint64_t newest = 0;     ///< a log of this number must be there, or a later one; 0: none
    bool is_closed = false;  ///< the database was closed behind it: nothing is cut off
};

/// A record that the end of the last log cuts off is no damage unless the database was closed: a
/// power cut leaves it, and it was not acknowledged.
Result<std::optional<LogDamage>> check_logs(
    io::FileSystem& fs, const std::string& database_path, KnownLogs known
);

/// The greatest number of a log; 0 when there is none.
Result<uint64_t> newest_log(io::FileSystem& fs, const std::string& database_path);

}  // namespace seyir::store
