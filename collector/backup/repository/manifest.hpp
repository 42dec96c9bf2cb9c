// SPDX-License-Identifier: Apache-2.0
// Manifest: what one backup is made of. Its files are named by what is in them.
// Threads: pure functions.   Errors: kCorrupt (also: cut off, changed), kUnsupported (newer).
// Limits: kManifestBytesMax, kManifestFilesMax.   Format: docs/format/backup.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/record/ids.hpp"

namespace seyir::collector::backup {

inline constexpr uint64_t kManifestVersion = 1;
inline constexpr uint64_t kManifestBytesMax = 512 * 1024 * 1024;
inline constexpr size_t kManifestFilesMax = 2'000'000;

inline constexpr uint64_t kPieceBytes = 1024 * 1024;

/// XXH3-128 of a file.
using ContentHash = Id128<struct ContentHashTag>;

struct ManifestFile {
    std::string path;  ///< below data_dir; no "..", no leading "/"
    uint64_t bytes = 0;
    UnixNanos modified;  ///< of the file that was copied
    ContentHash hash;
    /// XXH3-64 of each MiB: they tell where a damaged file is damaged.
    std::vector<uint64_t> pieces;
    /// What was wrong with the store's file when it was looked at; "" when it was sound. The
    /// content is that file as it was, or a sound copy of before the damage.
    std::string damage;

    bool operator==(const ManifestFile&) const = default;
};

struct Manifest {
    std::string id;   ///< its name: the time in UTC, "20261122T213000Z"
    UnixNanos begun;  ///< every row acknowledged before is in it
    std::string version;
    StoreId store_id;
    uint32_t restore_generation = 0;
    uint64_t records = 0;
    uint64_t raw_bytes = 0;
    /// The last file whose old copy was read again; the next backup goes on behind it.
    std::string rechecked_to;
    std::vector<ManifestFile> files;

    bool operator==(const Manifest&) const = default;

    uint64_t bytes() const;
};

/// kTooLarge: beyond what decode_manifest() takes.
Result<std::string> encode(const Manifest& manifest);
Result<Manifest> decode_manifest(std::string_view text);

/// "20261122T213000Z", with "-2" and so on behind it for more within a second.
bool is_backup_id(std::string_view text);
/// True for a path that stays below where it is put.
bool is_safe_path(std::string_view path);

}  // namespace seyir::collector::backup
