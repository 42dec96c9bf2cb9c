// SPDX-License-Identifier: Apache-2.0
// RotatedFiles: what becomes of a file output's file when it is full or old: one rename to
// PATH.20261122T151200123Z, then, on a thread of its own, gzip and deletion of the oldest. At each
// moment a record is in exactly one complete file: PATH.STAMP.gz gets its name when it is on stable
// storage, and PATH.STAMP goes after that.
// Threads: rotate() belongs to one thread at a time; the rest is its own.
// Errors: rotate() says why the rename failed; later failures are logged, and tried again at the
// next rotation and the next start.   Limits: keep; memory is a piece of 4 MiB.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"
#include "plugins/output/output_options.hpp"

namespace seyir::plugins {

class RotatedFiles {
  public:
    RotatedFiles(const FileOutputOptions& options, io::FileSystem& fs, io::Clock& clock);
    ~RotatedFiles();
    RotatedFiles(const RotatedFiles&) = delete;
    RotatedFiles& operator=(const RotatedFiles&) = delete;

    /// `keep` and `compresses`; from the next piece of work on.
    void set_options(const FileOutputOptions& options);
    /// Also takes up what an earlier run left.
    void start();
    /// The file has no name of its own afterwards; the caller makes a new one.
    Result<void> rotate();
    /// Ends the present piece of work; what is left is done after the next start.
    void stop();

  private:
    void run();
    void tidy();
    Result<std::vector<std::string>> rotated() const;
    Result<void> compress(const std::string& path);
    bool stopping() const;

    const std::string path_;
    io::FileSystem& fs_;
    io::Clock& clock_;
    mutable std::mutex mutex_;
    uint32_t keep_;
    bool compresses_;
    std::condition_variable wake_;
    bool has_work_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace seyir::plugins
