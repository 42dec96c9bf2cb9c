// SPDX-License-Identifier: Apache-2.0
// SegmentLog: an append-only log of frames in segment files of one folder. It only ever appends,
// reads, and deletes whole segments: nothing that could disagree with itself is kept beside it.
// Room: frames <-> files.
// Threads: write(), sync() and close() belong to one thread, read() and boundary() to another; the
// rest is thread-safe.
// Errors: kBackpressure when max_size_bytes is reached, kNoSpace below the free-space floor or from
// the disk, kIo, kConflict when another process uses the folder, kUnsupported for a later format.
// Bad bytes are no error: read() skips them and says how much.   Format: docs/format/buffer.md
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "common/buffer/log/buffer_format.hpp"
#include "common/io/clock.hpp"
#include "common/io/disk_budget.hpp"
#include "common/io/file_system.hpp"

namespace seyir::buffer {

struct LogPlace {
    uint64_t offset = 0;
    uint64_t row = 0;  ///< rows before it since the buffer was made

    bool operator==(const LogPlace&) const = default;
};

/// A frame to write: its body is `prefix` and `payload`. Filled in by write(): where it went.
struct PendingFrame {
    std::string prefix;
    std::shared_ptr<const std::string> payload;
    uint8_t flags = 0;
    uint32_t rows = 0;
    FrameHeader header;
    uint64_t tail_hash = 0;
};

/// What read() found. Without a frame there were only bad bytes up to `next`.
struct LogFrame {
    bool has_frame = false;
    FrameHeader header;
    std::string body;
    uint64_t tail_hash = 0;
    LogPlace next;  ///< behind the frame
    uint64_t skipped_bytes = 0;
    uint64_t skipped_rows = 0;
    uint32_t bad_places = 0;
};

class SegmentLog {
  public:
    struct Options {
        std::string directory;
        uint64_t segment_bytes = 0;
        uint64_t max_size_bytes = 0;
        uint64_t free_bytes_min = 0;
        bool sync_each_write = true;
        io::DiskBudget* budget = nullptr;  ///< shared with others; may be none
    };

    /// Body of the lane snapshot a new segment begins with: what is true after the first `written`
    /// frames of the call.
    using LanesBody = std::function<std::string(size_t written)>;
    /// Called for the frames of the last segment (and earlier ones until a snapshot is found), in
    /// order.
    using OnFrame = std::function<void(const FrameHeader&, std::string_view body)>;

    SegmentLog(io::FileSystem& fs, io::Clock& clock, Options options);

    /// Takes the folder and finds the end of the log. Its id is that of its segments, else `known`,
    /// else a new one. Offsets below `floor` were given out before: the log never uses one twice.
    Result<void> open(BufferId known, LogPlace floor, const OnFrame& on_frame);

    /// Takes limits of a new configuration.
    void set_limits(uint64_t max_size_bytes, uint64_t free_bytes_min);

    // --- the writer ---
    /// Appends frames until one fails; `written` says how many are there (and on stable storage
    /// when sync_each_write). The rest may be tried again.
    Result<void> write(std::span<PendingFrame> frames, const LanesBody& lanes, size_t& written);
    Result<void> sync();
    Result<void> close();
    /// Says to the budget what is there.
    void count_disk_bytes();

    // --- the reader ---
    /// The first good frame at or behind `from`; nothing at the end. `tolerate_io`: unreadable
    /// bytes count as bad ones instead of being an error, as long as their file can be read at all.
    Result<std::optional<LogFrame>> read(LogPlace from, bool tolerate_io = false);

    struct Boundary {
        LogPlace place;
        std::optional<uint64_t> tail_hash;  ///< of the frame before it, when that is still there
    };

    /// Whether a frame ends at `offset`.
    Result<std::optional<Boundary>> boundary(uint64_t offset);

    // --- both ---
    BufferId id() const { return id_; }

    LogPlace begin() const;
    LogPlace end() const;
    uint64_t disk_bytes() const;
    size_t segment_count() const;

    uint32_t quarantined() const { return quarantined_; }

    /// Deletes the segments that end at or before `offset`; true when there was one.
    bool trim(uint64_t offset);
    /// Where the second segment begins, if there is one: what drop_oldest gives up.
    std::optional<LogPlace> first_segment_end() const;

  private:
    struct Segment {
        uint64_t base = 0;
        uint64_t first_row = 0;
        uint64_t disk_bytes = 0;
        std::string path;
    };

    struct Extent {
        Segment segment;
        LogPlace end;
    };

    struct Found {
        Segment segment;
        BufferId buffer;  ///< zero: its header is damaged
    };

    Result<std::vector<Found>> find_segments();
    Result<std::optional<Found>> examine(const std::string& name, uint64_t base);
    Result<void> quarantine(const std::string& path, std::string_view why);
    Result<void> scan_tail(const OnFrame& on_frame);
    Result<void> scan_segment(const Extent& extent, const OnFrame& on_frame, LogPlace& end);
    void cut_tail(const Segment& segment);
    Result<void> check_room() const;
    Result<void> roll(std::string lanes);
    Result<std::unique_ptr<io::File>> create(const Segment& segment, std::string_view bytes);
    void seal_active();
    Result<void> put_group(LogPlace end);
    std::optional<Extent> extent_of(uint64_t offset) const;
    Result<io::File*> reader_for(const Segment& segment);
    bool is_reachable(const Segment& segment);
    Result<std::string_view> bytes_at(const Extent& extent, uint64_t offset, uint64_t count);
    Result<bool> read_frame(const Extent& extent, LogPlace from, LogFrame& out);
    Result<LogPlace> resync(const Extent& extent, LogPlace from, bool tolerate_io);
    std::string path_of(const std::string& name) const;

    io::FileSystem& fs_;
    io::Clock& clock_;
    Options options_;
    std::unique_ptr<io::DiskBudget::Share> share_;
    std::shared_ptr<void> lock_;
    BufferId id_;
    uint32_t quarantined_ = 0;
    bool may_cut_ = true;

    // The writer's.
    std::unique_ptr<io::File> active_;
    uint64_t active_base_ = 0;
    bool has_unsynced_ = false;
    std::string group_;

    // The reader's.
    std::unique_ptr<io::File> reader_;
    uint64_t reader_base_ = UINT64_MAX;
    std::string chunk_;
    uint64_t chunk_offset_ = 0;  // in the log

    mutable std::mutex mutex_;
    std::deque<Segment> segments_;
    LogPlace end_;
};

}  // namespace seyir::buffer
