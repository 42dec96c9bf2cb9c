// SPDX-License-Identifier: Apache-2.0
// FileSystem on Linux system calls. EINTR is retried everywhere.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fmt/format.h>

#include "common/io/file_system.hpp"

namespace seyir::io {
namespace {

template <class Call>
auto retry_eintr(Call call) {
    auto result = call();
    while (result == -1 && errno == EINTR) {
        result = call();
    }
    return result;
}

UnixNanos to_nanos(const struct statx_timestamp& t) {
    return {t.tv_sec * 1'000'000'000LL + t.tv_nsec};
}

Result<FileInfo> statx_info(int directory, const char* path, int flags, const std::string& name) {
    struct statx s{};
    constexpr unsigned kMask = STATX_BASIC_STATS | STATX_BTIME;
    if (retry_eintr([&] { return ::statx(directory, path, flags, kMask, &s); }) != 0) {
        return errno_error(errno, fmt::format("reading the state of {}", name));
    }
    FileInfo info;
    info.device = makedev(s.stx_dev_major, s.stx_dev_minor);
    info.inode = s.stx_ino;
    info.size_bytes = s.stx_size;
    info.link_count = s.stx_nlink;
    info.owner_uid = s.stx_uid;
    info.is_regular = S_ISREG(s.stx_mode);
    info.is_directory = S_ISDIR(s.stx_mode);
    info.is_symlink = S_ISLNK(s.stx_mode);
    info.birth = (s.stx_mask & STATX_BTIME) != 0 ? to_nanos(s.stx_btime) : UnixNanos{};
    info.modified = to_nanos(s.stx_mtime);
    info.changed = to_nanos(s.stx_ctime);
    return info;
}

class PosixFile final : public File {
  public:
    PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

    PosixFile(const PosixFile&) = delete;
    PosixFile& operator=(const PosixFile&) = delete;

    ~PosixFile() override {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }

    Result<size_t> read_at(uint64_t offset, std::span<char> into) override {
        const ssize_t got = retry_eintr([&] {
            return ::pread(fd_, into.data(), into.size(), static_cast<off_t>(offset));
        });
        if (got < 0) {
            return error("reading");
        }
        return static_cast<size_t>(got);
    }

    Result<void> append(std::string_view bytes) override {
        while (!bytes.empty()) {
            const ssize_t put =
                retry_eintr([&] { return ::write(fd_, bytes.data(), bytes.size()); });
            if (put < 0) {
                return error("writing");
            }
            bytes.remove_prefix(static_cast<size_t>(put));
        }
        return {};
    }

    Result<void> write_at(uint64_t offset, std::string_view bytes) override {
        while (!bytes.empty()) {
            const ssize_t put = retry_eintr([&] {
                return ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
            });
            if (put < 0) {
                return error("writing");
            }
            bytes.remove_prefix(static_cast<size_t>(put));
            offset += static_cast<uint64_t>(put);
        }
        return {};
    }

    Result<void> truncate(uint64_t size_bytes) override {
        if (retry_eintr([&] { return ::ftruncate(fd_, static_cast<off_t>(size_bytes)); }) != 0) {
            return error("truncating");
        }
        return {};
    }

    Result<void> allocate(uint64_t size_bytes) override {
        const int failed = retry_eintr([&] {
            const int code = ::posix_fallocate(fd_, 0, static_cast<off_t>(size_bytes));
            errno = code;
            return code == 0 ? 0 : -1;
        });
        // EINVAL: a file system that cannot (man posix_fallocate); a longer file must do.
        if (failed != 0 && (errno == EOPNOTSUPP || errno == EINVAL)) {
            return truncate(size_bytes);
        }
        if (failed != 0) {
            return error("reserving room for");
        }
        return {};
    }

    Result<void> sync() override {
        if (retry_eintr([&] { return ::fdatasync(fd_); }) != 0) {
            return error("syncing");
        }
        return {};
    }

    Result<FileInfo> info() override { return statx_info(fd_, "", AT_EMPTY_PATH, path_); }

    Result<void> close() override {
        const int fd = std::exchange(fd_, -1);
        if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) {
            return error("closing");
        }
        return {};
    }

  private:
    Error error(std::string_view doing) const {
        return errno_error(errno, fmt::format("{} {}", doing, path_));
    }

    int fd_;
    std::string path_;
};

int open_flags(OpenMode mode) {
    switch (mode) {
        case OpenMode::kRead:
            return O_RDONLY;
        case OpenMode::kWriteTruncate:
            // What is emptied is a file of ours, never what somebody's symlink leads to: a
            // privileged program writes into directories of an unprivileged one.
            return O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW;
        case OpenMode::kWriteAppend:
            return O_RDWR | O_CREAT | O_APPEND;
        case OpenMode::kReadWrite:
            return O_RDWR | O_CREAT;
    }
    return O_RDONLY;
}

class PosixFileSystem final : public FileSystem {
  public:
    Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
        // O_NONBLOCK: opening a FIFO that matches a glob must not hang the reader.
        const int flags = open_flags(mode) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
        int fd = -1;
        if (mode == OpenMode::kRead) {
            // Each read after a write would else write the inode too. For owners only (open(2)).
            fd = retry_eintr([&] { return ::open(path.c_str(), flags | O_NOATIME); });
        }
        if (fd < 0 && (mode != OpenMode::kRead || errno == EPERM)) {
            fd = retry_eintr([&] { return ::open(path.c_str(), flags, 0600); });
        }
        if (fd < 0) {
            return error("opening", path);
        }
        return std::unique_ptr<File>(std::make_unique<PosixFile>(fd, path));
    }

    Result<FileInfo> stat(const std::string& path) override {
        return statx_info(AT_FDCWD, path.c_str(), 0, path);
    }

    Result<FileInfo> lstat(const std::string& path) override {
        return statx_info(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, path);
    }

    Result<std::vector<std::string>> list(const std::string& directory) override {
        DIR* dir = ::opendir(directory.c_str());
        if (dir == nullptr) {
            return error("listing", directory);
        }
        std::vector<std::string> names;
        errno = 0;
        while (const dirent* entry = ::readdir(dir)) {
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") {
                names.emplace_back(name);
            }
        }
        ::closedir(dir);
        std::ranges::sort(names);
        return names;
    }

    Result<void> make_directories(const std::string& path) override {
        for (size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
            const std::string part = path.substr(0, at);
            if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
                return error("creating directory", part);
            }
            if (at == std::string::npos) {
                return {};
            }
        }
    }

    Result<void> rename(const std::string& from, const std::string& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0) {
            return error("renaming to " + to + " from", from);
        }
        return {};
    }

    Result<void> remove(const std::string& path) override {
        if (::unlink(path.c_str()) != 0) {
            return error("removing", path);
        }
        return {};
    }

    Result<void> remove_directory(const std::string& path) override {
        if (::rmdir(path.c_str()) != 0) {
            return error("removing directory", path);
        }
        return {};
    }

    Result<void> hard_link(const std::string& from, const std::string& to) override {
        if (::link(from.c_str(), to.c_str()) != 0) {
            return error("linking to " + to + " from", from);
        }
        return {};
    }

    Result<void> sync_directory(const std::string& directory) override {
        const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            return error("opening directory", directory);
        }
        const int synced = retry_eintr([&] { return ::fsync(fd); });
        const int saved = errno;
        ::close(fd);
        if (synced != 0) {
            return errno_error(saved, "syncing directory " + directory);
        }
        return {};
    }

    Result<uint64_t> free_bytes(const std::string& path) override {
        struct statvfs s{};
        if (::statvfs(path.c_str(), &s) != 0) {
            return error("reading free space of", path);
        }
        return static_cast<uint64_t>(s.f_bavail) * s.f_frsize;
    }

    Result<uint64_t> total_bytes(const std::string& path) override {
        struct statvfs s{};
        if (::statvfs(path.c_str(), &s) != 0) {
            return error("reading the size of", path);
        }
        return static_cast<uint64_t>(s.f_blocks) * s.f_frsize;
    }

    Result<std::shared_ptr<void>> lock(const std::string& path) override {
        const int fd =
            retry_eintr([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); });
        if (fd < 0) {
            return error("opening", path);
        }
        std::shared_ptr<void> held(nullptr, [fd](void*) { ::close(fd); });
        if (retry_eintr([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) != 0) {
            if (errno == EWOULDBLOCK) {
                return fail(ErrorCode::kConflict, path + " is locked: another process uses it");
            }
            return error("locking", path);
        }
        return held;
    }

  private:
    static Error error(std::string_view doing, const std::string& path) {
        return errno_error(errno, fmt::format("{} {}", doing, path));
    }
};

}  // namespace

FileSystem& posix_file_system() {
    static PosixFileSystem fs;
    return fs;
}

}  // namespace seyir::io
