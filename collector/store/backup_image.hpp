// SPDX-License-Identifier: Apache-2.0
// BackupImage: the files of a running store as of one moment, held still until a backup has copied
// them. Whoever adds files to a store (a log of its own, another folder) adds them here, and in
// store_check.hpp.
// Room: RocksStore::hold_image() -> names of files.
// Threads: one owner.   Cost: the database's memtables are written out first; what is then left is
// written and hard-linked while nothing else writes (milliseconds).
// Ownership: may outlive nothing of the store but its file system; the destructor lets go of
// the files and removes the folder of hard links.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/time.hpp"
#include "common/io/file_system.hpp"
#include "common/record/ids.hpp"

namespace seyir::store {

struct ImageFile {
    std::string path;    ///< below data_dir, once restored
    std::string source;  ///< where to read it now
    uint64_t bytes = 0;
    UnixNanos modified;
    /// Its content never changes under this path while the store keeps id and restore generation.
    bool is_immutable = false;
};

struct BackupImage {
    BackupImage() = default;
    ~BackupImage();
    BackupImage(const BackupImage&) = delete;
    BackupImage& operator=(const BackupImage&) = delete;

    StoreId store_id;
    uint32_t restore_generation = 0;
    uint64_t records = 0;  ///< staged ones too
    uint64_t raw_bytes = 0;
    std::vector<ImageFile> files;

    // What holds them.
    io::FileSystem* fs = nullptr;
    std::string folder;          ///< of the database's hard links
    std::shared_ptr<void> hold;  ///< files of days dropped meanwhile stay
};

using BackupImagePtr = std::unique_ptr<BackupImage>;

/// Removes what an interrupted backup left in the data directory.
void remove_image_folder(io::FileSystem& fs, const std::string& data_dir);

/// Reads the whole table file (segment or database) and compares the checksums of its blocks.
Result<void> verify_table_file(const std::string& path);

}  // namespace seyir::store
