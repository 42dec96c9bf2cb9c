// SPDX-License-Identifier: Apache-2.0
// repair_data_dir: makes a damaged data directory one that opens and tells the truth again.
// Room: StoreCheck -> a catalogue without what cannot be read; files in data_dir/quarantine.
// Threads: the caller's; no collector may run (kConflict).   Errors: kCorrupt when too little is
// left: restore a backup then.
// Nothing is deleted: files that are taken out, and the database as it was, are put aside.
#pragma once

#include <string>
#include <vector>

#include "collector/store/check/store_check.hpp"

namespace seyir::store {

struct RepairReport {
    bool is_database_mended = false;
    std::string database_aside;         ///< where it is as it was; "" unless mended
    std::vector<std::string> replaced;  ///< segment files put back from a backup
    std::vector<std::string> done;      ///< for people, a line each
    uint64_t rows_lost = 0;
    StoreCheck after;
};

/// Gives the path of a file with the content `file` (below data_dir) should have; "" if nobody has.
using FindReplacement = std::function<std::string(const StoreId&, const std::string& file)>;

Result<RepairReport> repair_data_dir(
    io::FileSystem& fs,
    const std::string& data_dir,
    UnixNanos now,
    const FindReplacement& find_replacement = {}
);

}  // namespace seyir::store
