// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/file_output.hpp"

#include <utility>

#include "plugins/output/format_rows.hpp"

namespace seyir::plugins {

FileOutput::FileOutput(FileOutputOptions options, io::FileSystem& fs, io::Clock& clock)
    : options_(std::move(options)),
      fs_(fs),
      clock_(clock),
      loop_(
          "file output " + options_.path,
          rows_formatter(options_.format),
          [this](std::string_view bytes) { return file_->write(bytes); }
      ) {}

Result<void> FileOutput::start() {
    SEYIR_TRY(file_, AppendFile::get(options_, fs_, clock_));
    loop_.start();
    return {};
}

void FileOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    loop_.deliver(std::move(view), std::move(done));
}

void FileOutput::stop(SteadyTime deadline) {
    loop_.stop(deadline);
    file_.reset();  // rotation ends when no other output uses the file
}

pipeline::ComponentHealth FileOutput::health() const {
    return loop_.health();
}

}  // namespace seyir::plugins
