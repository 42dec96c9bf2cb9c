// SPDX-License-Identifier: Apache-2.0
// Catalogue: which segments there are. Days are known from the start; the segments of a day are
// read when a query first needs them, so that opening does not depend on their number.
// Threads: thread-safe; add and drop are the committer's.
// Ownership: a view shares its days; the files of dropped segments are removed when the last view
// of them is gone.
#pragma once

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

/// The files of a day as views see them that were taken between two drops; removes what the later
/// drop took out once nobody reads it any more.
class DayFolder {
  public:
    DayFolder(io::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}

    DayFolder(const DayFolder&) = delete;
    DayFolder& operator=(const DayFolder&) = delete;
    ~DayFolder();

    /// Once. `rest`: what views from now on hold, null when no segment is left; what it will drop
    /// stays until this goes.
    void drop(std::vector<std::string> files, std::shared_ptr<DayFolder> rest) {
        dropped_ = std::move(files);
        rest_ = std::move(rest);
    }

  private:
    io::FileSystem& fs_;
    std::string path_;
    std::vector<std::string> dropped_;
    std::shared_ptr<DayFolder> rest_;
};

/// Segments by day, rising in each.
using DroppedSegments = std::map<Day, std::vector<SegmentId>>;

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
    /// `rests`: of the days that keep segments, which and their totals. Gives back the view before,
    /// whose release removes the files.
    CatalogueViewPtr drop(const DroppedSegments& dropped, const std::map<Day, DayState>& rests);
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
