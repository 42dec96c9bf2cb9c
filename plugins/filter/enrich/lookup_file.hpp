// SPDX-License-Identifier: Apache-2.0
// LookupFile: the table of a file, read again when the file changed. A file that cannot be read
// leaves the table that was there, is logged once and counted.
// Threads: thread-safe; of all workers one at a time looks at the file.
// Errors: open() says what is wrong.   Limits: those of LookupTable.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"
#include "plugins/filter/enrich/lookup_table.hpp"

namespace seyir::plugins {

class LookupFile {
  public:
    /// `refresh` 0: the file is read once.
    LookupFile(std::string path, LookupShape shape, Nanos refresh)
        : path_(std::move(path)), shape_(std::move(shape)), refresh_(refresh) {}

    /// Reads it unless it was read already.
    Result<void> open(io::FileSystem& files);

    /// The table now. Looks at the file when it is time to. `failed`: it had to keep the old one.
    LookupTablePtr table(io::FileSystem& files, SteadyTime now, bool& failed);

  private:
    Result<void> read(io::FileSystem& files);

    const std::string path_;
    const LookupShape shape_;
    const Nanos refresh_;
    std::atomic<int64_t> next_look_ns_{0};
    std::mutex looking_;
    std::mutex mutex_;
    LookupTablePtr table_;
    io::FileInfo info_;  // of the file as it was read, or tried last
};

}  // namespace seyir::plugins
