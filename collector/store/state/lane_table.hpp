// SPDX-License-Identifier: Apache-2.0
// LaneTable: lane states and agent epochs as the committer sees them: what is on disk plus what the
// write being built will change.
// Threads: the committer's alone.   Limits: the cache is emptied when it holds kCachedLanesMax.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "collector/store/disk/database.hpp"
#include "collector/store/format/rows.hpp"

namespace seyir::store {

class LaneTable {
  public:
    static constexpr size_t kCachedLanesMax = 65'536;

    /// The lane with that key; pending changes count.
    Result<std::optional<LaneState>> find(const Database& database, const std::string& key);
    void set_pending(const std::string& key, LaneState state);

    /// The agent's epoch; 0 when it never had one.
    Result<uint32_t> epoch(const Database& database, const std::string& key);
    void set_epoch(const std::string& key, uint32_t epoch);

    /// Adds the pending rows to the write.
    void put_pending(WriteSet& set) const;
    /// The write succeeded.
    void keep_pending();
    /// The write failed: back to what is on disk, which is read anew.
    void forget();

  private:
    std::unordered_map<std::string, std::optional<LaneState>> cache_;
    std::unordered_map<std::string, LaneState> pending_;
    std::unordered_map<std::string, uint32_t> epochs_;
};

}  // namespace seyir::store
