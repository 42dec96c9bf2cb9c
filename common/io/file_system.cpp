// SPDX-License-Identifier: Apache-2.0
#include "common/io/file_system.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace seyir::io {

Result<uint64_t> FileSystem::total_bytes(const std::string& path) {
    return fail(
        ErrorCode::kUnsupported, "the size of the file system of " + path + " is not known"
    );
}

Result<std::shared_ptr<void>> FileSystem::lock(const std::string& path) {
    return fail(ErrorCode::kUnsupported, "no locks here for " + path);
}

std::string parent_directory(const std::string& path) {
    const size_t slash = path.find_last_of('/');
    if (slash == std::string::npos) {
        return ".";
    }
    return slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::string> read_file(FileSystem& fs, const std::string& path, uint64_t bytes_max) {
    SEYIR_TRY(auto file, fs.open(path, OpenMode::kRead));
    std::string bytes;
    constexpr size_t kStep = 64 * 1024;
    while (true) {
        const size_t had = bytes.size();
        bytes.resize(had + kStep);
        SEYIR_TRY(const size_t got, file->read_at(had, std::span(bytes).subspan(had)));
        bytes.resize(had + got);
        if (bytes.size() > bytes_max) {
            return fail(
                ErrorCode::kTooLarge, fmt::format("{} is larger than {} bytes", path, bytes_max)
            );
        }
        if (got == 0) {
            return bytes;
        }
    }
}

Result<void> write_file_atomically(
    FileSystem& fs, const std::string& path, std::string_view bytes
) {
    const std::string temporary = path + ".tmp";
    // Left by a crash or planted (a link to another file, somebody else's file): not written into.
    if (auto removed = fs.remove(temporary);
        !removed && removed.error().code != ErrorCode::kNotFound) {
        return removed;
    }
    {
        SEYIR_TRY(auto file, fs.open(temporary, OpenMode::kWriteTruncate));
        SEYIR_CHECK(file->append(bytes));
        SEYIR_CHECK(file->sync());
        SEYIR_CHECK(file->close());
    }
    SEYIR_CHECK(fs.rename(temporary, path));
    return fs.sync_directory(parent_directory(path));
}

}  // namespace seyir::io
