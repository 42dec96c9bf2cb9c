// SPDX-License-Identifier: Apache-2.0
// DiskBuffer: batches on disk between sources and one output. A source is answered once its rows
// are on stable storage here; the output reads behind. It belongs to an output's id and outlives
// the outputs that a reload replaces: any of them may append, one at a time reads (the lease).
// Room: BatchView -> segment files -> Delivery.
// Threads: thread-safe; one thread of its own writes. take(), settle(), give_back() and resume()
// are for the holder of the lease, on one thread.
// Errors: while the disk refuses or is full, answers are held back and health() says why.
// Ownership: file system, clock and registry outlive it.   Format: docs/format/buffer.md
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/buffer/age_marks.hpp"
#include "common/buffer/buffer_metrics.hpp"
#include "common/buffer/delivery_source.hpp"
#include "common/buffer/log/cursor_file.hpp"
#include "common/buffer/log/lane_book.hpp"
#include "common/buffer/log/segment_log.hpp"
#include "common/buffer/options.hpp"
#include "common/pipeline/position_source.hpp"
#include "common/record/batch_codec.hpp"

namespace seyir::buffer {

class DiskBuffer {
  public:
    struct Setup {
        std::string id;  ///< of the output, for logs and metrics
        std::string directory;
        BufferOptions options;
        uint64_t segment_bytes = 0;        ///< 0: as max_size_bytes suggests
        io::DiskBudget* budget = nullptr;  ///< shared with other buffers; may be none
    };

    DiskBuffer(Setup setup, io::FileSystem& fs, io::Clock& clock, metrics::Registry& registry);
    /// Writes what is queued as far as the disk lets it, and closes the files.
    ~DiskBuffer();
    DiskBuffer(const DiskBuffer&) = delete;
    DiskBuffer& operator=(const DiskBuffer&) = delete;

    /// Takes the folder and finds what an earlier run left. kConflict: another process has it.
    Result<void> open();
    /// Of a new configuration; `path` and `sync` stay.
    void set_options(const BufferOptions& options);

    // --- taking in ---
    /// `owner` names the output, for answer_all(). Without `required` rows are dropped, counted,
    /// where others would wait.
    void append(const void* owner, bool required, BatchView view, pipeline::DeliverDone done);
    /// Returns once nothing of the owner is unanswered: what cannot be written by `deadline` gets
    /// kRetry.
    void answer_all(const void* owner, SteadyTime deadline);

    // --- the lease ---
    using Ticket = uint64_t;
    /// `wake` is called, with no lock held, when there may be something to take.
    Ticket request_lease(std::function<void()> wake);
    bool has_lease(Ticket ticket) const;
    /// The next in line gets it; what was taken and not settled goes to it too.
    void release_lease(Ticket ticket);

    // --- the holder ---
    /// `with_positions`: batches get the buffer's own position instead of their sources'.
    std::optional<Delivery> take(bool with_positions);
    void settle(uint64_t id, DeliveryReport report);
    void give_back(uint64_t id);

    void count_retry(uint32_t rows) { metrics_.retried.add(rows); }

    /// The lane in which a collector knows this buffer.
    SourceKey lane() const;
    /// Goes to what a collector says it has of the lane, or begins a new generation when that was
    /// never in this log. Nothing may be under way. What to tell the operator, or "".
    Result<std::string> resume(const pipeline::CommittedLane& committed);

    /// How far sources are in the log. What a crash took before it was answered is not in it.
    std::vector<pipeline::CommittedLane> committed(
        TenantId tenant, AgentId agent, const std::vector<SourceKey>& lanes
    ) const;

    pipeline::ComponentHealth health() const;
    uint64_t rows() const;

    uint64_t disk_bytes() const { return log_.disk_bytes(); }

    /// Of what waits; its files may be larger, for they get their room ahead.
    uint64_t waiting_bytes() const;

    /// JSON members: rows, bytes, bounds, age of the oldest batch.
    std::string report() const;

    void refresh_metrics();

  private:
    /// One batch on its way in.
    struct Append {
        const void* owner = nullptr;
        bool required = true;
        BatchView view;
        pipeline::DeliverDone done;
        bool is_ready = false;  ///< judged and encoded
        LaneBook::Judgement judgement;
        std::vector<PendingFrame> frames;
        std::vector<BatchView> frame_views;
        size_t frames_written = 0;
        DeliveryReport report;
    };

    /// A frame written lately: spares reading and unpacking it.
    struct Recent {
        uint64_t from = 0;  ///< the end of the batch frame before it
        FrameHeader header;
        uint64_t tail_hash = 0;
        BatchPrefix prefix;
        std::shared_ptr<const std::string> payload;
        BatchView view;
        uint64_t bytes = 0;
    };

    /// A stretch of the log between the cursor and the reader.
    struct Handed {
        enum class State : uint8_t { kOut, kReturned, kSettled };
        uint64_t id = 0;
        State state = State::kSettled;
        LogPlace begin;
        LogPlace end;
        uint64_t position_begin = 0;  ///< what a collector is told; covers skipped bytes
        bool lane_start = false;
        uint32_t rows = 0;
        uint64_t tail_hash = 0;
        UnixNanos appended;
    };

    struct Taken {
        LogFrame frame;  ///< header, next and skipped; the body only without `recent`
        std::optional<Recent> recent;
    };

    struct Unpacked {
        bool is_good = false;
        UnixNanos appended;
        BatchView view;
        std::shared_ptr<RecordBatch> own;  ///< instead of `view` when positions are to be set

        explicit operator bool() const { return is_good; }
    };

    enum class Progress { kDone, kAgain, kBlocked };

    // --- the writer (disk_buffer_writer.cpp) ---
    void run();
    void wait_for_work(std::unique_lock<std::mutex>& lock);
    bool has_work() const;
    void collect_group();
    void work(bool room_made);
    void prepare(Append& one);
    void encode(Append& one, const BatchView& view);
    Progress write_group();
    void publish(size_t frames);
    std::vector<Append> take_finished();
    void answer(std::vector<Append> finished);
    bool make_room(const Error& error);
    bool drop_oldest();
    bool drop_newest();
    void note_failure(const Error& error);
    void note_written();
    void give_back_abandoned();
    bool maintain();
    Result<void> save_cursor(bool durable);

    // --- the reader (disk_buffer_read.cpp) ---
    std::optional<Taken> next_frame(LogPlace from);
    Unpacked unpack(Taken& taken, bool with_positions);
    Handed* hand_out(const Taken& taken, const Unpacked& unpacked);
    void push_settled(LogPlace from, LogPlace to, uint64_t tail_hash);
    void lose(Handed& handed);
    void advance();
    Handed* find(uint64_t id);
    SourceKey lane_locked() const;
    double oldest_seconds_locked() const;
    void move_to(LogPlace place, uint64_t tail_hash, bool lane_start);
    void wake_holder();

    const Setup setup_;
    io::FileSystem& fs_;
    io::Clock& clock_;
    BufferMetrics metrics_;
    SegmentLog log_;
    std::mutex cursor_mutex_;  ///< taken before mutex_
    CursorFile cursor_file_;

    // The writer thread's.
    BatchEncoder encoder_;
    LaneBook judged_;
    LaneBook durable_;                ///< changed by the writer, with lanes_mutex_
    mutable std::mutex lanes_mutex_;  ///< no other is taken with it
    std::deque<Append> group_;
    std::vector<PendingFrame> frames_;
    Nanos retry_delay_{0};
    SteadyTime synced_at_;
    bool has_unsynced_ = false;
    uint64_t last_batch_end_ = 0;

    // The holder's.
    BatchDecoder decoder_;
    uint32_t read_failures_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable answered_;
    BufferOptions options_;
    std::deque<Append> queue_;
    std::map<const void*, size_t> unanswered_;
    const void* abandoned_ = nullptr;
    SteadyTime retry_at_;
    bool is_blocked_ = false;  ///< the writer waits for room or for the disk
    bool poked_ = false;       ///< the cursor moved: it is to be saved, and there may be room
    bool stopping_ = false;
    std::string failure_;
    std::string read_failure_;

    std::deque<Recent> recent_;
    uint64_t recent_bytes_ = 0;
    AgeMarks marks_;
    std::deque<Handed> handed_;
    uint64_t next_id_ = 1;
    LogPlace acked_;
    uint64_t acked_hash_ = 0;
    LogPlace next_;
    uint64_t position_end_ = 0;
    bool lane_start_ = false;
    uint64_t epoch_ = 0;  ///< grows when `next_` was moved by somebody else
    uint32_t generation_ = 0;
    int64_t rows_ = 0;
    bool cursor_dirty_ = false;
    SteadyTime cursor_saved_at_;
    SteadyTime cursor_durable_at_;
    std::deque<std::pair<Ticket, std::function<void()>>> leases_;
    Ticket next_ticket_ = 1;

    std::thread thread_;
};

}  // namespace seyir::buffer
