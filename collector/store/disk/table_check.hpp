// SPDX-License-Identifier: Apache-2.0
// check_table(): whether RocksDB can be given a table file. RocksDB looks into the properties block
// before it verifies the block's checksum, and a build with assertions, as Debian's, aborts the
// program at one flipped bit there.
// Threads: pure but for the file.   Errors: kCorrupt, kIo.
// Format: RocksDB 7.8, table/format.cc (footer of format version 5), block_based/block.cc.
#pragma once

#include <string>

#include "common/base/result.hpp"
#include "common/io/file_system.hpp"

namespace seyir::store {

Result<void> check_table(io::FileSystem& fs, const std::string& path);

/// Hides tables of a database that fail check_table() while it opens: one that its list of files
/// does not name (a crash left it unfinished) is not missed, of the others it says that they are
/// missing instead of aborting.
class HiddenTables {
  public:
    HiddenTables(io::FileSystem& fs, std::string database_path);
    /// Unless the database opened: puts them back.
    ~HiddenTables();
    HiddenTables(const HiddenTables&) = delete;
    HiddenTables& operator=(const HiddenTables&) = delete;

    Result<void> hide();

    /// "": none.
    const std::string& first() const { return first_; }

    /// The database opened without them: they are removed.
    void forget();

  private:
    void put_back();

    io::FileSystem& fs_;
    const std::string path_;
    std::string first_;
    bool is_needed_ = true;
};

}  // namespace seyir::store
