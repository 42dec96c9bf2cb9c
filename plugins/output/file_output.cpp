// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/file_output.hpp"

#include <utility>

#include <fmt/format.h>

#include "plugins/output/format_rows.hpp"

namespace seyir::plugins {

FileOutput::FileOutput(FileOutputOptions options, io::FileSystem& fs)
    : options_(std::move(options)),
      fs_(fs),
      loop_(
          "file output " + options_.path,
          rows_formatter(options_.format),
          [this](std::string_view bytes) { return write(bytes); }
      ) {}

Result<void> FileOutput::start() {
    SEYIR_CHECK(open());
    loop_.start();
    return {};
}

Result<void> FileOutput::open() {
    SEYIR_TRY(file_, fs_.open(options_.path, io::OpenMode::kWriteAppend));
    SEYIR_TRY(const io::FileInfo info, file_->info());
    size_bytes_ = info.size_bytes;
    return fs_.sync_directory(io::parent_directory(options_.path));
}

Result<void> FileOutput::write(std::string_view bytes) {
    if (file_ == nullptr) {
        const uint64_t whole_bytes = size_bytes_;
        SEYIR_CHECK(open());
        SEYIR_CHECK(file_->truncate(whole_bytes));
        size_bytes_ = whole_bytes;
    }
    if (options_.max_size_bytes != 0 && size_bytes_ != 0 &&
        size_bytes_ + bytes.size() > options_.max_size_bytes) {
        SEYIR_CHECK(rotate());
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

Result<void> FileOutput::rotate() {
    const auto name = [&](uint32_t i) {
        return i == 0 ? options_.path : fmt::format("{}.{}", options_.path, i);
    };
    file_.reset();
    for (uint32_t i = options_.keep; i > 0; --i) {
        const auto moved = fs_.rename(name(i - 1), name(i));
        if (!moved && moved.error().code != ErrorCode::kNotFound) {
            return moved;
        }
    }
    if (options_.keep == 0) {
        SEYIR_CHECK(fs_.remove(options_.path));
    }
    size_bytes_ = 0;
    return open();
}

void FileOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    loop_.deliver(std::move(view), std::move(done));
}

void FileOutput::stop(SteadyTime deadline) {
    loop_.stop(deadline);
}

pipeline::ComponentHealth FileOutput::health() const {
    return loop_.health();
}

}  // namespace seyir::plugins
