// SPDX-License-Identifier: Apache-2.0
// Copying files while hashing them, and reading them back.
// Threads: pure functions.   Memory: one piece of 1 MiB.   Errors: the file system's; kCancelled.
#pragma once

#include <functional>
#include <string>

#include "collector/backup/repository/manifest.hpp"
#include "common/io/file_system.hpp"

namespace seyir::collector::backup {

/// Told of each piece, in bytes; false ends the work with kCancelled.
using OnBytes = std::function<bool(uint64_t)>;

struct FileContent {
    uint64_t bytes = 0;
    ContentHash hash;
    std::vector<uint64_t> pieces;  ///< as ManifestFile

    bool operator==(const FileContent&) const = default;
};

/// "between bytes 1048576 and 2097152", "it ends at byte 7": where `found` differs.
std::string describe_difference(const FileContent& expected, const FileContent& found);

Result<FileContent> hash_file(io::FileSystem& fs, const std::string& path, const OnBytes& on_bytes);

/// Writes at most the first `bytes_max` bytes of `from` to `to` and syncs them.
Result<FileContent> copy_file(
    io::FileSystem& fs,
    const std::string& from,
    const std::string& to,
    uint64_t bytes_max,
    const OnBytes& on_bytes
);

}  // namespace seyir::collector::backup
