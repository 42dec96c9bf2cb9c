// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/file_output.hpp"

#include <utility>

#include "plugins/output/format_rows.hpp"

namespace seyir::plugins {

FileOutput::FileOutput(FileOutputOptions options, io::FileSystem& fs, io::Clock& clock)
    : options_(std::move(options)),
      fs_(fs),
      clock_(clock),
      rotated_(options_, fs, clock),
      loop_(
          "file output " + options_.path,
          rows_formatter(options_.format),
          [this](std::string_view bytes) { return write(bytes); }
      ) {}

Result<void> FileOutput::start() {
    SEYIR_CHECK(open());
    if (options_.rotates()) {
        rotated_.start();
    }
    loop_.start();
    return {};
}

Result<void> FileOutput::open() {
    SEYIR_TRY(file_, fs_.open(options_.path, io::OpenMode::kWriteAppend));
    SEYIR_TRY(const io::FileInfo info, file_->info());
    size_bytes_ = info.size_bytes;
    const UnixNanos written = info.birth.value != 0 ? info.birth : info.modified;
    begun_ = size_bytes_ == 0 ? clock_.wall_now() : written;
    return fs_.sync_directory(io::parent_directory(options_.path));
}

Result<void> FileOutput::write(std::string_view bytes) {
    if (file_ == nullptr) {
        const uint64_t whole_bytes = size_bytes_;
        SEYIR_CHECK(open());
        SEYIR_CHECK(file_->truncate(whole_bytes));
        size_bytes_ = whole_bytes;
    }
    if (is_due(bytes.size())) {
        SEYIR_CHECK(rotate());
    }
    if (size_bytes_ == 0) {
        begun_ = clock_.wall_now();
    }
    Result<void> written = file_->append(bytes);
    if (written) {
        written = file_->sync();
    }
    if (!written) {
        // Half a line must not stay in front of the next try. If even cutting back fails, the
        // next try opens the file anew and cuts it back first.
        if (!file_->truncate(size_bytes_)) {
            file_.reset();
        }
        return written;
    }
    size_bytes_ += bytes.size();
    return {};
}

bool FileOutput::is_due(uint64_t more_bytes) const {
    if (size_bytes_ == 0) {
        return false;
    }
    const bool too_big =
        options_.max_size_bytes != 0 && size_bytes_ + more_bytes > options_.max_size_bytes;
    const bool too_old =
        options_.max_age > Nanos(0) && clock_.wall_now() - begun_ >= options_.max_age;
    return too_big || too_old;
}

Result<void> FileOutput::rotate() {
    file_.reset();
    const Result<void> rotated = rotated_.rotate();
    // Gone already: an earlier try got so far, or somebody moved it away.
    if (!rotated && rotated.error().code != ErrorCode::kNotFound) {
        return rotated;
    }
    size_bytes_ = 0;
    return open();
}

void FileOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    loop_.deliver(std::move(view), std::move(done));
}

void FileOutput::stop(SteadyTime deadline) {
    loop_.stop(deadline);
    rotated_.stop();
}

pipeline::ComponentHealth FileOutput::health() const {
    return loop_.health();
}

}  // namespace seyir::plugins
