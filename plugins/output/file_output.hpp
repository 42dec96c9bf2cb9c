// SPDX-License-Identifier: Apache-2.0
// FileOutput: rows as lines of a file, fsynced before the answer; rotates by size and age. At least
// once: a crash between the write and the source's ack writes those rows again. Outputs of one path
// share the file (append_file.hpp).
// Errors: while the disk refuses, rows wait (the source is held up) and health says why.
#pragma once

#include <memory>
#include <string>

#include "common/io/file_system.hpp"
#include "plugins/output/append_file.hpp"
#include "plugins/output/output_options.hpp"
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
    const FileOutputOptions options_;
    io::FileSystem& fs_;
    io::Clock& clock_;
    std::shared_ptr<AppendFile> file_;
    WriteLoop loop_;
};

}  // namespace seyir::plugins
