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

/// All tables of a database.
Result<void> check_tables(io::FileSystem& fs, const std::string& database_path);

}  // namespace seyir::store
