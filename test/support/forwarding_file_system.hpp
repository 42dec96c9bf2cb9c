// SPDX-License-Identifier: Apache-2.0
// ForwardingFileSystem: everything goes to another file system; a test overrides what it wants to
// see or to fail.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/io/file_system.hpp"

namespace seyir::test {

class ForwardingFileSystem : public io::FileSystem {
  public:
    explicit ForwardingFileSystem(io::FileSystem& below = io::posix_file_system())
        : below_(below) {}

    Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenMode mode) override {
        return below_.open(path, mode);
    }

    Result<io::FileInfo> stat(const std::string& path) override { return below_.stat(path); }

    Result<io::FileInfo> lstat(const std::string& path) override { return below_.lstat(path); }

    Result<std::vector<std::string>> list(const std::string& path) override {
        return below_.list(path);
    }

    Result<void> make_directories(const std::string& path) override {
        return below_.make_directories(path);
    }

    Result<void> rename(const std::string& from, const std::string& to) override {
        return below_.rename(from, to);
    }

    Result<void> remove(const std::string& path) override { return below_.remove(path); }

    Result<void> remove_directory(const std::string& path) override {
        return below_.remove_directory(path);
    }

    Result<void> hard_link(const std::string& from, const std::string& to) override {
        return below_.hard_link(from, to);
    }

    Result<void> sync_directory(const std::string& path) override {
        return below_.sync_directory(path);
    }

    Result<uint64_t> free_bytes(const std::string& path) override {
        return below_.free_bytes(path);
    }

  protected:
    io::FileSystem& below_;
};

}  // namespace seyir::test
