// SPDX-License-Identifier: Apache-2.0
// Catalogue: which segments there are. Days are known from the start; the segments of a day are
// read when a query first needs them, so that opening does not depend on their number.
// Threads: thread-safe; add and drop are the committer's.
// Ownership: a view shares its days; the files of a dropped day are removed when the last view of
// it is gone.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "collector/store/disk/database.hpp"
#include "collector/store/format/catalogue_rows.hpp"
#include "common/io/file_system.hpp"

namespace seyir::store {

using SegmentList = std::vector<std::shared_ptr<const SegmentSummary>>;
using SegmentListPtr = std::shared_ptr<const SegmentList>;

/// A day's folder; removes it with its files once it is dropped and nobody reads it any more.
class DayFolder {
  public:
    DayFolder(io::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}

    DayFolder(const DayFolder&) = delete;
    DayFolder& operator=(const DayFolder&) = delete;
    ~DayFolder();

    void drop() { is_dropped_ = true; }

  private:
    io::FileSystem& fs_;
    std::string path_;
    std::atomic<bool> is_dropped_ = false;
};

struct DayState {
    DayTotals totals;
    uint64_t version = 0;     ///< grows with each change of the day
    SegmentListPtr segments;  ///< null: not read yet
    std::shared_ptr<DayFolder> folder;
};

using CatalogueView = std::map<Day, DayState>;
using CatalogueViewPtr = std::shared_ptr<const CatalogueView>;

class Catalogue {
  public:
    Catalogue(io::FileSystem& fs, std::string segments_path);

    Result<void> load(const Database& database);
    CatalogueViewPtr view() const;
    void add(const std::vector<SegmentSummary>& segments);
    /// Gives back the view before, whose release removes the files.
    CatalogueViewPtr drop(const std::vector<Day>& days);
    /// The day's segments as of `snapshot`; kept for later queries if the day has not changed.
    Result<SegmentListPtr> segments(const Snapshot& snapshot, Day day, const DayState& state);

    const std::string& path() const { return segments_path_; }

  private:
    std::shared_ptr<DayFolder> folder(Day day) const;

    io::FileSystem& fs_;
    std::string segments_path_;
    mutable std::mutex mutex_;
    CatalogueViewPtr view_;
};

/// Rows of the segment's blocks, in order.
Result<std::vector<BlockRow>> read_block_rows(
    const Snapshot& snapshot, const SegmentSummary& segment
);

}  // namespace seyir::store
