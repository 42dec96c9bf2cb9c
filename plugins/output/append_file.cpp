// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/append_file.hpp"

#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

namespace seyir::plugins {
namespace {

/// The files in use, by file system and resolved path.
struct InUse {
    std::mutex mutex;
    std::map<std::pair<const io::FileSystem*, std::string>, std::weak_ptr<AppendFile>> files;
};

InUse& in_use() {
    static InUse all;
    return all;
}

}  // namespace

std::string resolved_path(const std::string& path, bool looks) {
    const std::filesystem::path given(path);
    std::error_code error;
    const auto resolved = looks ? std::filesystem::weakly_canonical(given, error) : given;
    return (error || !looks ? given : resolved).lexically_normal().string();
}

Result<std::shared_ptr<AppendFile>> AppendFile::get(
    const FileOutputOptions& options, io::FileSystem& fs, io::Clock& clock
) {
    InUse& all = in_use();
    const std::pair key(&fs, resolved_path(options.path));
    const std::lock_guard lock(all.mutex);
    std::erase_if(all.files, [](const auto& entry) { return entry.second.expired(); });
    std::shared_ptr<AppendFile> file = all.files[key].lock();
    if (file == nullptr) {
        file = std::make_shared<AppendFile>(options, fs, clock);
    }
    SEYIR_CHECK(file->use(options));
    all.files[key] = file;
    return file;
}

AppendFile::AppendFile(const FileOutputOptions& options, io::FileSystem& fs, io::Clock& clock)
    : options_(options), fs_(fs), clock_(clock), rotated_(options_, fs, clock) {}

Result<void> AppendFile::use(const FileOutputOptions& options) {
    const std::lock_guard lock(mutex_);
    const std::string path = options_.path;
    if (!was_opened_) {
        SEYIR_CHECK(open());
        was_opened_ = true;
    }
    options_ = options;
    options_.path = path;
    rotated_.set_options(options_);
    if (options_.rotates() && !std::exchange(is_rotating_, true)) {
        rotated_.start();
    }
    return {};
}

Result<void> AppendFile::open() {
    SEYIR_TRY(file_, fs_.open(options_.path, io::OpenMode::kWriteAppend));
    SEYIR_TRY(const io::FileInfo info, file_->info());
    size_bytes_ = info.size_bytes;
    const UnixNanos written = info.birth.value != 0 ? info.birth : info.modified;
    begun_ = size_bytes_ == 0 ? clock_.wall_now() : written;
    return fs_.sync_directory(io::parent_directory(options_.path));
}

Result<void> AppendFile::write(std::string_view bytes) {
    const std::lock_guard lock(mutex_);
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

bool AppendFile::is_due(uint64_t more_bytes) const {
    if (size_bytes_ == 0) {
        return false;
    }
    const bool too_big =
        options_.max_size_bytes != 0 && size_bytes_ + more_bytes > options_.max_size_bytes;
    const bool too_old =
        options_.max_age > Nanos(0) && clock_.wall_now() - begun_ >= options_.max_age;
    return too_big || too_old;
}

Result<void> AppendFile::rotate() {
    file_.reset();
    const Result<void> rotated = rotated_.rotate();
    // Gone already: an earlier try got so far, or somebody moved it away.
    if (!rotated && rotated.error().code != ErrorCode::kNotFound) {
        return rotated;
    }
    size_bytes_ = 0;
    return open();
}

}  // namespace seyir::plugins
