// SPDX-License-Identifier: Apache-2.0
// FileOutput: rows as lines of a file, fsynced before the answer; rotates by size and age. At least
// once: a crash between the write and the source's ack writes those rows again.
// Errors: while the disk refuses, rows wait (the source is held up) and health says why.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/io/file_system.hpp"
#include "plugins/output/output_options.hpp"
#include "plugins/output/rotated_files.hpp"
#include "plugins/output/write_loop.hpp"

namespace seyir::plugins {

class FileOutput final : public pipeline::Output {
  public:
    FileOutput(
        FileOutputOptions options, io::FileSystem& fs, io::Clock& clock = io::system_clock()
    );

    /// kIo, kNotFound: the directory is missing or refuses writes.
    Result<void> start() override;
    void deliver(BatchView view, pipeline::DeliverDone done) override;
    void stop(SteadyTime deadline) override;
    pipeline::ComponentHealth health() const override;

  private:
    Result<void> open();
    Result<void> write(std::string_view bytes);
    bool is_due(uint64_t more_bytes) const;
    Result<void> rotate();

    const FileOutputOptions options_;
    io::FileSystem& fs_;
    io::Clock& clock_;
    RotatedFiles rotated_;
    std::unique_ptr<io::File> file_;
    uint64_t size_bytes_ = 0;  // of what is known to be whole; a failed append is cut back to it
    UnixNanos begun_;          // when the first of its bytes was written
    WriteLoop loop_;
};

}  // namespace seyir::plugins
