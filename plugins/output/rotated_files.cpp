// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/rotated_files.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>

#include "common/base/log.hpp"
#include "common/codec/inflate.hpp"

namespace seyir::plugins {
namespace {

constexpr size_t kPieceBytes = 4 * 1024 * 1024;
constexpr uint32_t kNamesMax = 1000;

/// "20261122T151200123Z": sorts by time.
std::string stamp(UnixNanos now) {
    std::string out;
    for (const char c : to_rfc3339(now).substr(0, 23)) {
        if (c != '-' && c != ':' && c != '.') {
            out += c;
        }
    }
    return out + "Z";
}

bool is_stamp(std::string_view text) {
    return text.size() >= 19 && text[8] == 'T' && text[18] == 'Z' &&
           text.find_first_not_of("0123456789TZ.gz") == std::string_view::npos;
}

}  // namespace

RotatedFiles::RotatedFiles(const FileOutputOptions& options, io::FileSystem& fs, io::Clock& clock)
    : path_(options.path),
      fs_(fs),
      clock_(clock),
      keep_(options.keep),
      compresses_(options.compresses) {}

RotatedFiles::~RotatedFiles() {
    stop();
}

void RotatedFiles::set_options(const FileOutputOptions& options) {
    const std::lock_guard lock(mutex_);
    keep_ = options.keep;
    compresses_ = options.compresses;
}

void RotatedFiles::start() {
    has_work_ = true;
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "file-rotate");
        run();
    });
}

void RotatedFiles::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        wake_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

bool RotatedFiles::stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

Result<void> RotatedFiles::rotate() {
    const UnixNanos now = clock_.wall_now();
    std::string name = path_ + "." + stamp(now);
    const auto is_taken = [&](const std::string& path) { return fs_.lstat(path).has_value(); };
    for (uint32_t i = 1; is_taken(name) || is_taken(name + ".gz"); ++i) {
        if (i == kNamesMax) {
            return fail(ErrorCode::kIo, name + " and those before are there already");
        }
        name = path_ + "." + stamp(now + std::chrono::milliseconds(i));
    }
    SEYIR_CHECK(fs_.rename(path_, name));
    const std::lock_guard lock(mutex_);
    has_work_ = true;
    wake_.notify_one();
    return {};
}

void RotatedFiles::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        wake_.wait(lock, [this] { return stopping_ || has_work_; });
        if (std::exchange(has_work_, false) && !stopping_) {
            lock.unlock();
            tidy();
            lock.lock();
        }
    }
}

/// Names of rotated files, oldest first; without those of unfinished work.
Result<std::vector<std::string>> RotatedFiles::rotated() const {
    const std::string folder = io::parent_directory(path_);
    const std::string prefix = path_.substr(path_.find_last_of('/') + 1) + ".";
    SEYIR_TRY(std::vector<std::string> names, fs_.list(folder));
    std::erase_if(names, [&](const std::string& name) {
        return !name.starts_with(prefix) || !is_stamp(std::string_view(name).substr(prefix.size()));
    });
    for (std::string& name : names) {
        name.insert(0, folder + "/");
    }
    return names;
}

void RotatedFiles::tidy() {
    const auto all = rotated();
    if (!all) {
        log::warn("output", "rotated files cannot be listed", {{"error", all.error().message}});
        return;
    }
    uint32_t keep = 0;
    bool compresses = false;
    {
        const std::lock_guard lock(mutex_);
        keep = keep_;
        compresses = compresses_;
    }
    std::vector<std::string> kept;
    for (const std::string& path : *all) {
        // A crash between naming the packed file and removing the other.
        const bool is_packed_too = std::ranges::find(*all, path + ".gz") != all->end();
        if (is_packed_too) {
            (void)fs_.remove(path);
        } else {
            kept.push_back(path);
        }
    }
    const size_t surplus = kept.size() - std::min<size_t>(kept.size(), keep);
    for (size_t i = 0; i < kept.size() && !stopping(); ++i) {
        const bool is_packed = kept[i].ends_with(".gz");
        const Result<void> done = i < surplus                ? fs_.remove(kept[i])
                                  : compresses && !is_packed ? compress(kept[i])
                                                             : Result<void>{};
        if (!done) {
            log::warn(
                "output",
                "a rotated file stays as it is",
                {{"file", kept[i]}, {"error", done.error().message}}
            );
        }
    }
}

/// Members of 4 MiB one after another: gzip's own tools read them as one file (RFC 1952, 2.2).
Result<void> RotatedFiles::compress(const std::string& path) {
    const std::string temporary = path + ".gz.tmp";
    SEYIR_TRY(const auto from, fs_.open(path, io::OpenMode::kRead));
    SEYIR_TRY(const auto to, fs_.open(temporary, io::OpenMode::kWriteTruncate));
    std::string piece;
    uint64_t at = 0;
    do {
        if (stopping()) {
            return fs_.remove(temporary);
        }
        piece.resize(kPieceBytes);
        size_t filled = 0;
        size_t got = 1;
        while (filled < kPieceBytes && got > 0) {
            SEYIR_TRY(got, from->read_at(at + filled, std::span(piece).subspan(filled)));
            filled += got;
        }
        piece.resize(filled);
        at += filled;
        if (filled > 0 || at == 0) {
            SEYIR_CHECK(to->append(codec::gzip_deflate(piece)));
        }
    } while (piece.size() == kPieceBytes);
    SEYIR_CHECK(to->sync());
    SEYIR_CHECK(fs_.rename(temporary, path + ".gz"));
    SEYIR_CHECK(fs_.sync_directory(io::parent_directory(path)));
    return fs_.remove(path);
}

}  // namespace seyir::plugins
