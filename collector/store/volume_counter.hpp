// SPDX-License-Identifier: Apache-2.0
// VolumeCounter: adds rows, or what the catalogue says of many rows, up to a Volume.
// Threads: one owner.   Errors: kTooLarge beyond kVolumeCellsMax, kCancelled.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "collector/store/log_store.hpp"

namespace seyir::store {

class VolumeCounter {
  public:
    explicit VolumeCounter(const VolumeQuery& query) : query_(query) {}

    /// The bucket of a time inside the range.
    uint32_t bucket_of(UnixNanos ts) const {
        if (query_.bucket.count() == 0) {
            return 0;
        }
        // A range may be longer than int64 can tell.
        const uint64_t since =
            static_cast<uint64_t>(ts.value) - static_cast<uint64_t>(query_.range.begin.value);
        return static_cast<uint32_t>(since / static_cast<uint64_t>(query_.bucket.count()));
    }

    /// The first time of a bucket. Requires: buckets, and one that has times of the range.
    UnixNanos begin_of(uint32_t bucket) const {
        const uint64_t since = uint64_t{bucket} * static_cast<uint64_t>(query_.bucket.count());
        return {static_cast<int64_t>(static_cast<uint64_t>(query_.range.begin.value) + since)};
    }

    Result<void> add(
        const StreamLabelsPtr& labels, uint32_t bucket, uint8_t level, uint64_t rows, uint64_t bytes
    );
    /// The page's rows inside the range.
    Result<void> add(const Page& page);

    void set_has_level_attrs() { has_level_attrs_ = true; }

    Volume finish(const CursorStats& stats);

  private:
    struct Counts {
        uint64_t rows = 0;
        uint64_t bytes = 0;
    };

    struct Stream {
        StreamLabelsPtr labels;
        std::unordered_map<uint64_t, Counts> cells;
    };

    Result<Counts*> cell(Stream& stream, uint32_t bucket, uint8_t level);
    Stream& stream(const StreamLabelsPtr& labels);

    const VolumeQuery& query_;
    std::unordered_map<StreamFingerprint, Stream> streams_;
    size_t cells_ = 0;
    bool has_level_attrs_ = false;
};

/// volume() by reading every row; what a store without a catalogue of counts does.
Result<Volume> scan_volume(LogStore& store, const VolumeQuery& query);

}  // namespace seyir::store
