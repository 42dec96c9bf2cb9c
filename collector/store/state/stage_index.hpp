// SPDX-License-Identifier: Apache-2.0
// StageIndex: what is staged, in memory, so that a query touches only payloads it needs.
// Threads: changed by the committer under the store's view lock; a Snapshot is taken under the same
// lock and read by anybody afterwards (entries never move nor change).
// Cost: append and snapshot O(1) per 256 entries; about 150 bytes an entry.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "collector/store/format/rows.hpp"

namespace seyir::store {

class StageIndex {
  public:
    static constexpr size_t kChunkEntries = 256;
    using Chunk = std::array<StageEntry, kChunkEntries>;

    /// Entries as they were when it was taken.
    class Snapshot {
      public:
        template <class Fn>
        void for_each(Fn&& fn) const {
            for (size_t c = 0; c < chunks_.size(); ++c) {
                const size_t count = c + 1 < chunks_.size() ? kChunkEntries : last_count_;
                for (size_t i = 0; i < count; ++i) {
                    fn((*chunks_[c])[i]);
                }
            }
        }

        size_t size() const {
            return chunks_.empty() ? 0 : (chunks_.size() - 1) * kChunkEntries + last_count_;
        }

      private:
        friend class StageIndex;

        std::vector<std::shared_ptr<const Chunk>> chunks_;
        size_t last_count_ = 0;
    };

    void append(StageEntry entry);
    /// Removes those for which `is_gone` says so. O(entries).
    void remove_if(const std::function<bool(const StageEntry&)>& is_gone);
    Snapshot snapshot() const;

    uint64_t payload_bytes() const { return payload_bytes_; }

    uint64_t raw_bytes() const { return raw_bytes_; }

    uint64_t rows() const { return rows_; }

    size_t size() const;

  private:
    std::vector<std::shared_ptr<Chunk>> chunks_;
    size_t last_count_ = kChunkEntries;
    uint64_t payload_bytes_ = 0;
    uint64_t raw_bytes_ = 0;
    uint64_t rows_ = 0;
};

}  // namespace seyir::store
