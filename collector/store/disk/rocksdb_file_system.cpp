// SPDX-License-Identifier: Apache-2.0
#include "collector/store/disk/rocksdb_file_system.hpp"

#include <mutex>
#include <set>

#include <rocksdb/file_system.h>

namespace seyir::store {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

IOStatus to_status(const Error& error) {
    if (error.code == ErrorCode::kNotFound) {
        return IOStatus::NotFound(error.message);
    }
    if (error.code == ErrorCode::kNoSpace) {
        IOStatus status = IOStatus::NoSpace(error.message);
        status.SetRetryable(true);
        return status;
    }
    return IOStatus::IOError(error.message);
}

template <class T>
IOStatus to_status(const Result<T>& result) {
    return result ? IOStatus::OK() : to_status(result.error());
}

class SequentialFile final : public rocksdb::FSSequentialFile {
  public:
    explicit SequentialFile(std::unique_ptr<io::File> file) : file_(std::move(file)) {}

    IOStatus
    Read(size_t n, const IOOptions&, rocksdb::Slice* result, char* scratch, IODebugContext*)
        override {
        const auto got = file_->read_at(offset_, {scratch, n});
        if (!got) {
            return to_status(got.error());
        }
        offset_ += *got;
        *result = rocksdb::Slice(scratch, *got);
        return IOStatus::OK();
    }

    IOStatus Skip(uint64_t n) override {
        offset_ += n;
        return IOStatus::OK();
    }

  private:
    std::unique_ptr<io::File> file_;
    uint64_t offset_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
  public:
    explicit RandomAccessFile(std::unique_ptr<io::File> file) : file_(std::move(file)) {}

    IOStatus
    Read(uint64_t offset, size_t n, const IOOptions&, rocksdb::Slice* result, char* scratch, IODebugContext*)
        const override {
        const auto got = file_->read_at(offset, {scratch, n});
        if (!got) {
            return to_status(got.error());
        }
        *result = rocksdb::Slice(scratch, *got);
        return IOStatus::OK();
    }

  private:
    std::unique_ptr<io::File> file_;
};

class WritableFile final : public rocksdb::FSWritableFile {
  public:
    WritableFile(std::unique_ptr<io::File> file, uint64_t size)
        : file_(std::move(file)), size_(size) {}

    using rocksdb::FSWritableFile::Append;

    IOStatus Append(const rocksdb::Slice& data, const IOOptions&, IODebugContext*) override {
        const auto appended = file_->append({data.data(), data.size()});
        if (appended) {
            size_ += data.size();
        }
        return to_status(appended);
    }

    IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
        size_ = size;
        return to_status(file_->truncate(size));
    }

    IOStatus Close(const IOOptions&, IODebugContext*) override { return to_status(file_->close()); }

    IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

    IOStatus Sync(const IOOptions&, IODebugContext*) override { return to_status(file_->sync()); }

    bool IsSyncThreadSafe() const override { return true; }

    uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }

  private:
    std::unique_ptr<io::File> file_;
    uint64_t size_;
};

class RandomRwFile final : public rocksdb::FSRandomRWFile {
  public:
    explicit RandomRwFile(std::unique_ptr<io::File> file) : file_(std::move(file)) {}

    IOStatus Write(uint64_t offset, const rocksdb::Slice& data, const IOOptions&, IODebugContext*)
        override {
        return to_status(file_->write_at(offset, {data.data(), data.size()}));
    }

    IOStatus
    Read(uint64_t offset, size_t n, const IOOptions&, rocksdb::Slice* result, char* scratch, IODebugContext*)
        const override {
        const auto got = file_->read_at(offset, {scratch, n});
        if (!got) {
            return to_status(got.error());
        }
        *result = rocksdb::Slice(scratch, *got);
        return IOStatus::OK();
    }

    IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

    IOStatus Sync(const IOOptions&, IODebugContext*) override { return to_status(file_->sync()); }

    IOStatus Close(const IOOptions&, IODebugContext*) override { return to_status(file_->close()); }

  private:
    std::unique_ptr<io::File> file_;
};

class Directory final : public rocksdb::FSDirectory {
  public:
    Directory(io::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}

    IOStatus Fsync(const IOOptions&, IODebugContext*) override {
        return to_status(fs_.sync_directory(path_));
    }

  private:
    io::FileSystem& fs_;
    std::string path_;
};

class Lock final : public rocksdb::FileLock {
  public:
    explicit Lock(std::string path) : path_(std::move(path)) {}

    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

class SeyirFileSystem final : public rocksdb::FileSystem {
  public:
    explicit SeyirFileSystem(io::FileSystem& fs) : fs_(fs) {}

    const char* Name() const override { return "SeyirFileSystem"; }

    IOStatus
    NewSequentialFile(const std::string& name, const FileOptions&, std::unique_ptr<rocksdb::FSSequentialFile>* result, IODebugContext*)
        override {
        return open<SequentialFile>(name, io::OpenMode::kRead, result);
    }

    IOStatus
    NewRandomAccessFile(const std::string& name, const FileOptions&, std::unique_ptr<rocksdb::FSRandomAccessFile>* result, IODebugContext*)
        override {
        return open<RandomAccessFile>(name, io::OpenMode::kRead, result);
    }

    IOStatus
    NewWritableFile(const std::string& name, const FileOptions&, std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*)
        override {
        return open_writable(name, io::OpenMode::kWriteTruncate, result);
    }

    IOStatus
    ReopenWritableFile(const std::string& name, const FileOptions&, std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*)
        override {
        return open_writable(name, io::OpenMode::kWriteAppend, result);
    }

    IOStatus ReuseWritableFile(
        const std::string& name,
        const std::string& old_name,
        const FileOptions& options,
        std::unique_ptr<rocksdb::FSWritableFile>* result,
        IODebugContext* debug
    ) override {
        const IOStatus renamed = RenameFile(old_name, name, options.io_options, debug);
        return renamed.ok() ? NewWritableFile(name, options, result, debug) : renamed;
    }

    IOStatus
    NewRandomRWFile(const std::string& name, const FileOptions&, std::unique_ptr<rocksdb::FSRandomRWFile>* result, IODebugContext*)
        override {
        return open<RandomRwFile>(name, io::OpenMode::kReadWrite, result);
    }

    IOStatus
    NewDirectory(const std::string& name, const IOOptions&, std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*)
        override {
        *result = std::make_unique<Directory>(fs_, name);
        return IOStatus::OK();
    }

    IOStatus FileExists(const std::string& name, const IOOptions&, IODebugContext*) override {
        return to_status(fs_.stat(name));
    }

    IOStatus
    GetChildren(const std::string& directory, const IOOptions&, std::vector<std::string>* result, IODebugContext*)
        override {
        auto names = fs_.list(directory);
        if (!names) {
            return to_status(names.error());
        }
        *result = std::move(*names);
        return IOStatus::OK();
    }

    IOStatus DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) override {
        return to_status(fs_.remove(name));
    }

    IOStatus Truncate(const std::string& name, size_t size, const IOOptions&, IODebugContext*)
        override {
        auto file = fs_.open(name, io::OpenMode::kReadWrite);
        return file ? to_status((*file)->truncate(size)) : to_status(file.error());
    }

    IOStatus CreateDir(const std::string& name, const IOOptions&, IODebugContext*) override {
        return to_status(fs_.make_directories(name));
    }

    IOStatus CreateDirIfMissing(const std::string& name, const IOOptions&, IODebugContext*)
        override {
        return to_status(fs_.make_directories(name));
    }

    IOStatus DeleteDir(const std::string& name, const IOOptions&, IODebugContext*) override {
        return to_status(fs_.remove_directory(name));
    }

    IOStatus GetFileSize(const std::string& name, const IOOptions&, uint64_t* size, IODebugContext*)
        override {
        const auto info = fs_.stat(name);
        if (info) {
            *size = info->size_bytes;
        }
        return to_status(info);
    }

    IOStatus
    GetFileModificationTime(const std::string& name, const IOOptions&, uint64_t* seconds, IODebugContext*)
        override {
        const auto info = fs_.stat(name);
        if (info) {
            *seconds = static_cast<uint64_t>(info->modified.value / 1'000'000'000);
        }
        return to_status(info);
    }

    IOStatus
    RenameFile(const std::string& from, const std::string& to, const IOOptions&, IODebugContext*)
        override {
        return to_status(fs_.rename(from, to));
    }

    IOStatus
    LinkFile(const std::string& from, const std::string& to, const IOOptions&, IODebugContext*)
        override {
        return to_status(fs_.hard_link(from, to));
    }

    IOStatus
    LockFile(const std::string& name, const IOOptions&, rocksdb::FileLock** lock, IODebugContext*)
        override {
        const std::lock_guard guard(mutex_);
        if (!locks_.insert(name).second) {
            return IOStatus::IOError("lock hold by current process: " + name);
        }
        *lock = std::make_unique<Lock>(name).release();
        return IOStatus::OK();
    }

    IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
        const std::unique_ptr<Lock> owned(static_cast<Lock*>(lock));
        const std::lock_guard guard(mutex_);
        locks_.erase(owned->path());
        return IOStatus::OK();
    }

    IOStatus GetTestDirectory(const IOOptions&, std::string* path, IODebugContext*) override {
        *path = "/test";
        return IOStatus::OK();
    }

    IOStatus
    GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result, IODebugContext*)
        override {
        *result = path;
        return IOStatus::OK();
    }

    IOStatus
    IsDirectory(const std::string& path, const IOOptions&, bool* is_directory, IODebugContext*)
        override {
        const auto info = fs_.stat(path);
        if (info) {
            *is_directory = info->is_directory;
        }
        return to_status(info);
    }

    IOStatus
    GetFreeSpace(const std::string& path, const IOOptions&, uint64_t* bytes, IODebugContext*)
        override {
        const auto free = fs_.free_bytes(path);
        if (free) {
            *bytes = *free;
        }
        return to_status(free);
    }

  private:
    template <class Wrapper, class Interface>
    IOStatus open(const std::string& name, io::OpenMode mode, std::unique_ptr<Interface>* result) {
        auto file = fs_.open(name, mode);
        if (!file) {
            return to_status(file.error());
        }
        *result = std::make_unique<Wrapper>(std::move(*file));
        return IOStatus::OK();
    }

    IOStatus open_writable(
        const std::string& name, io::OpenMode mode, std::unique_ptr<rocksdb::FSWritableFile>* result
    ) {
        auto file = fs_.open(name, mode);
        if (!file) {
            return to_status(file.error());
        }
        const auto info = (*file)->info();
        if (!info) {
            return to_status(info.error());
        }
        *result = std::make_unique<WritableFile>(std::move(*file), info->size_bytes);
        return IOStatus::OK();
    }

    io::FileSystem& fs_;
    std::mutex mutex_;
    std::set<std::string> locks_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> make_rocksdb_env(io::FileSystem& fs) {
    return rocksdb::NewCompositeEnv(std::make_shared<SeyirFileSystem>(fs));
}

}  // namespace seyir::store
