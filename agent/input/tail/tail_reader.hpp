// SPDX-License-Identifier: Apache-2.0
// TailReader: all of a tail input except its thread: finds files, tells them apart, reads and
// splits them into batches, moves positions as acknowledgements come. poll_once() does what is due
// and never waits, so the rotation matrix is tested with a clock that stands still.
// Room: files -> RecordBatch.
// Threads: one owner calls poll_once(), finish(), settle(); status() and what the inbox takes in
// (acknowledgements, the collector's answers) come from any thread.
// Limits: TailOptions; one poll reads at most 16 MiB.   Errors: a file that cannot be read is
// named in the log and in status() and tried again at each rescan; nothing stops the input.
// Format/spec: docs/guide/tailing.md.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/checkpoint/checkpoint_store.hpp"
#include "agent/input/directory_watch.hpp"
#include "agent/input/file_claims.hpp"
#include "agent/input/tail/batch_builder.hpp"
#include "agent/input/tail/glob.hpp"
#include "agent/input/tail/prefix_index.hpp"
#include "agent/input/tail/resume_planner.hpp"
#include "agent/input/tail/tail_file.hpp"
#include "agent/input/tail_options.hpp"
#include "common/io/clock.hpp"
#include "common/io/disk_budget.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/input.hpp"
#include "common/pipeline/position_source.hpp"

namespace seyir::agent::input {

/// What a tail input needs of the program. All must outlive it.
struct TailDeps {
    io::FileSystem& fs;
    io::Clock& clock;
    metrics::Registry& registry;
    checkpoint::CheckpointStore& checkpoints;
    pipeline::PositionSource* positions = nullptr;  ///< null: the checkpoint alone decides
    io::DiskBudget* disk = nullptr;                 ///< of the host; null: no cap but its own
    FileClaims* claims = nullptr;                   ///< null: other inputs may read the same files
};

/// For `/health` and `seyir status`.
struct TailStatus {
    size_t files = 0;  ///< being read or waiting to be
    size_t open_files = 0;
    size_t waiting_for_answer = 0;  ///< the collector was not yet asked, or has not answered
    uint64_t lag_bytes = 0;         ///< in the files and not acknowledged
    double lag_seconds = 0;         ///< since the oldest of it was seen
    size_t ignored_files = 0;       ///< left out by ignore_older
    uint64_t in_flight_bytes = 0;
    uint64_t scans = 0;                   ///< how often the folders were looked through
    std::vector<std::string> complaints;  ///< files and directories that cannot be read, and why
};

struct TailCounters {
    explicit TailCounters(metrics::Registry& registry, const std::string& input);

    metrics::Gauge& files;
    metrics::Gauge& open_files;
    metrics::Gauge& ignored_files;
    metrics::Gauge& files_beyond_max;
    metrics::Gauge& lag_bytes;
    metrics::Gauge& lag_seconds;
    metrics::Gauge& in_flight_bytes;
    metrics::Counter& read_bytes;
    metrics::Counter& lines;
    metrics::Counter& over_long_lines;
    metrics::Counter& left_out_bytes;  ///< of over-long lines truncated or dropped
    metrics::Counter& cut_groups;      ///< several records, because of max_lines or max_bytes
    metrics::Counter& quiet_groups;    ///< sent because nothing followed for flush_timeout
    metrics::Counter& truncations;
    metrics::Counter& rotations;
    metrics::Counter& copies;
    metrics::Counter& ambiguous;
    metrics::Counter& compressed_files;
    metrics::Counter& lost_bytes;  ///< vanished before they were acknowledged
    metrics::Counter& refilled_bytes;
    metrics::Counter& retries;
    metrics::Counter& rewinds;
    metrics::Counter& forks;
    metrics::Counter& read_errors;
};

/// Where other threads leave word for the reader. Shared, because tokens may outlive the reader.
class TailInbox {
  public:
    struct Ack {
        uint64_t batch_id = 0;
        DeliveryReport report;
    };

    struct Answer {
        uint64_t ask_id = 0;
        Result<pipeline::CommittedAnswer> answer;
    };

    explicit TailInbox(std::function<void()> wake) : wake_(std::move(wake)) {}

    void put(Ack ack);
    void put(Answer answer);
    void put_store_changed();
    /// True: the store changed. What is not in `answers` by then will be answered by the new one.
    bool take(std::vector<Ack>& acks, std::vector<Answer>& answers);
    /// No more wake-ups: their target goes away.
    void close();

  private:
    std::mutex mutex_;
    std::function<void()> wake_;
    std::vector<Ack> acks_;
    std::vector<Answer> answers_;
    bool store_changed_ = false;
};

class TailReader {
  public:
    /// `watch` may be null (rescan only). `wake` is called from other threads when poll_once()
    /// has something to do. kInvalidArgument names a glob that makes no sense.
    static Result<std::unique_ptr<TailReader>> make(
        TailOptions options, TailDeps deps, DirectoryWatch* watch, std::function<void()> wake
    );
    TailReader(const TailReader&) = delete;
    TailReader& operator=(const TailReader&) = delete;
    ~TailReader();

    /// To be set before the first poll.
    void set_submit(pipeline::Submit submit) { submit_ = std::move(submit); }

    /// Does what is due; returns how long it may be left alone (0: there is more to do now).
    Nanos poll_once();

    /// How far apart the rounds may be while there is something to do: little is collected, so that
    /// a thousand files with a line a second each do not cost a thousand rounds a second.
    Nanos wake_gap() const { return hurried_ ? kHurriedGap : kCalmGap; }

    /// Hands on the lines already read; nothing more will be submitted.
    void finish();
    /// Takes in acknowledgements that came since and hands positions to the checkpoint.
    void settle();

    TailStatus status() const;

  private:
    static constexpr Nanos kHurriedGap = std::chrono::milliseconds(5);
    static constexpr Nanos kCalmGap = std::chrono::milliseconds(25);

    using FileList = std::list<TailFile>;

    struct Batch {
        size_t memory_bytes = 0;
        std::vector<TailFile*> lanes;
    };

    struct Ask {
        uint64_t id = 0;
        uint64_t forks = 0;                                  ///< before it was asked
        std::vector<std::pair<TailFile*, SourceKey>> lanes;  ///< each asked kGenerationsAsked times
    };

    /// A lane of the last run whose file was not there at the start.
    struct MissingLane {
        SourceKey key;
        uint64_t unread_bytes = 0;  ///< 0: not known
    };

    using LanesById = std::unordered_map<FileIdentity, checkpoint::LaneCheckpoint>;

    TailReader(
        TailOptions options, TailDeps deps, DirectoryWatch* watch, std::function<void()> wake
    );
    Result<void> compile_globs();

    // tail_reader_files.cpp: which files there are
    void drain_watch();
    void rescan();
    void upkeep();
    Nanos scan_interval(const std::vector<FoundFile>& found) const;
    bool is_told(TailFile& file, bool grew);
    void find_rotated();
    void look_for_rotated(const std::string& directory, LanesById& lanes);
    bool follow_rotated(const FoundFile& found, const checkpoint::LaneCheckpoint& lane);
    void report_missing();
    void see(const FoundFile& found);
    void read_anew(TailFile& ignored, const FoundFile& found);
    void report_grown_copy(const std::string& path, uint64_t from, uint64_t to);
    TailFile& add_file(const FoundFile& found);
    void begin(TailFile& file);
    bool leave_out(TailFile& file);
    bool is_too_old(const TailFile& file) const;
    void leave_out_old(TailFile& file);
    void log_walk();
    void name_unmatched(const std::vector<FoundFile>& found) const;
    void reserve_remembered();
    void give_back_unused();
    void move_path(TailFile& file, const std::string& path);
    void sweep_unseen();
    void check_detached();
    void end_quiet_line(TailFile& file);
    void end_rotated(TailFile& file);
    void give_up(TailFile& file, std::string_view why);
    void consider_new(TailFile& file);
    void ask_about(TailFile& file);
    void claim_empty(TailFile& file);
    bool prepare_new(TailFile& file, std::string& first_bytes);
    std::optional<checkpoint::LaneCheckpoint> recall(
        const TailFile& file, std::string_view first_bytes
    );
    bool ensure_open(TailFile& file);
    void close_idle(const TailFile& opened);
    void close_handle(TailFile& file);
    void release(TailFile& file);
    void remove_released();
    void give_back(const TailFile& file);
    void complain(const TailFile& file, const Error& error);
    void note_complaint(const std::string& path, const std::string& message);
    void enqueue(TailFile& file);

    // tail_reader_copies.cpp: copytruncate and other copies
    static uint64_t banner_of(std::string_view first_bytes);
    void remember_banner(TailFile& file);
    void forget_banner(TailFile& file);
    void list_original(TailFile& file, const PrefixHash& prefix);
    void unlist_original(TailFile& file);
    void put_remembered_first();
    void adopt_memory();
    TailFile* add_orphan(const checkpoint::LaneCheckpoint& lane);
    void leave_lane(TailFile& file, const pipeline::CommittedLane* stored);
    void orphan_remembered(TailFile& file);
    void forget_orphan(SourceKey key);
    bool is_undecided(const TailFile& original) const;
    bool held_as_copy(TailFile& file, std::string_view first_bytes);
    std::vector<TailFile*> find_originals(const TailFile& file, std::string_view first_bytes);
    void notice_cut(TailFile& original, const TailFile& suspect);
    bool compare_more(TailFile& suspect, TailFile& original);
    bool is_ambiguous(const TailFile& copy, const TailFile& original, uint64_t compared_bytes)
        const;
    bool may_take_over(TailFile& copy, TailFile& original);
    /// How many bytes show that it is one; 0: it is none.
    uint64_t compare_copy(TailFile& copy, const TailFile& original);
    uint64_t compare_remembered(TailFile& copy, const TailFile& original);
    std::optional<uint64_t> digest_of(TailFile& file, uint64_t bytes);
    void count_cut_bytes(const TailFile& copy, TailFile& original);
    void take_over(TailFile& copy, TailFile& original);
    void climb_ladder(TailFile& file);

    // tail_reader_lines.cpp: from bytes to rows
    bool read_some();
    bool read_turn(TailFile& file);
    bool split_lines(TailFile& file, std::string_view data, bool full);
    void add_line(TailFile& file, std::string_view line);
    void add_formatted(TailFile& file, std::string_view line);
    void count_over_long(TailFile& file);
    void add_over_long(TailFile& file, std::string_view line);
    bool read_long_line(TailFile& file);
    bool cut_long_line(TailFile& file, std::optional<uint64_t> line_end);
    bool copy_out(TailFile& file, uint64_t bytes);
    bool consume_unread(TailFile& file, uint64_t end);
    void consume(TailFile& file, std::string_view bytes);
    void send_rest(TailFile& file);

    // tail_reader_groups.cpp: records of several lines
    bool groups_lines() const { return options_.multiline.rules != nullptr; }

    bool split_groups(TailFile& file, std::string_view data, bool full);
    void add_alone(TailFile& file, std::string_view line);
    void add_group(TailFile& file, std::string_view group, uint32_t lines);
    bool read_long_group(TailFile& file);
    bool begin_long_group(TailFile& file, uint64_t bytes);
    bool send_group(TailFile& file);
    void cut_group(TailFile& file, uint16_t state_before);
    void watch_group(TailFile& file, uint64_t seen_end);
    void send_quiet_groups();

    static bool has_group(const TailFile& file) {
        return file.group.lines > 0 && file.group.begin == file.read_end;
    }

    void on_rewritten(TailFile& file, const char* how);
    void flush();

    bool budget_left() const { return in_flight_bytes_ < options_.in_flight_bytes_max; }

    /// What `rate_limit` allows now; it may be overdrawn by one turn, which is waited for after.
    bool rate_left() const { return options_.rate_bytes_max == 0 || rate_bytes_ > 0; }

    void refill_rate();
    void note_pace(uint64_t read_bytes, Nanos passed);

    // tail_reader_resume.cpp: where to go on
    void take_inbox();
    void on_ack(const TailInbox::Ack& ack);
    void advance(TailFile& file);
    void rewind(TailFile& file);
    void go_back(TailFile& file, uint64_t offset, const Mark* mark);
    void recheck_all();
    bool recheck(TailFile& file);
    void ask_due();
    void on_answer(TailInbox::Answer& answer);
    void plan(
        TailFile& file,
        SourceKey first,
        StoreId store,
        std::vector<pipeline::CommittedLane> committed
    );
    void apply(TailFile& file, const ResumePlan& plan);
    void fork(const std::string& detail);
    void follow_fork();
    void agree_with(StoreId store, uint32_t restore_generation);
    void rehash(TailFile& file, uint64_t offset);
    /// The last bytes before `offset`, fewer where the file is shorter.
    Result<std::string> bytes_before(TailFile& file, uint64_t offset);

    enum class Content : uint8_t {
        kSame,
        kOther,       ///< other bytes, or the file is shorter
        kUnreadable,  ///< an error: nothing is known
    };

    /// What is before `offset`, against the hash of what was there.
    Content content_at(TailFile& file, uint64_t offset, uint64_t tail_hash);
    void note_unreadable(const TailFile& file, const Error& error);
    void note_readable(const TailFile& file);
    std::string first_bytes_of(TailFile& file);
    void extend_prefix(TailFile& file);
    bool seek(TailFile& file, uint64_t offset, const Mark* mark);
    std::optional<uint64_t> tail_hash_at(TailFile& file, uint64_t offset);
    void report(std::string kind, std::string detail);
    void ask_orphan_again(TailFile& file);
    void plan_orphan(TailFile& file, const std::vector<pipeline::CommittedLane>& committed);
    void save_checkpoint();
    void save_now();
    void save_new_lanes(const std::vector<TailFile*>& lanes);

    void refresh_status();
    void note_unread(TailFile& file);

    TailOptions options_;
    TailDeps deps_;
    const FileClaimant claimant_;
    std::optional<io::DiskBudget::Share> disk_share_;  ///< for deleted files that are held
    DirectoryWatch* watch_;
    std::shared_ptr<TailInbox> inbox_;
    pipeline::Submit submit_;
    TailCounters counters_;
    std::vector<Glob> include_;
    std::vector<Glob> exclude_;
    GlobWalker walker_;
    BatchBuilder builder_;

    FileList files_;
    std::unordered_map<std::string, TailFile*> by_path_;
    std::unordered_map<FileIdentity, TailFile*> by_id_;
    std::unordered_map<uint64_t, TailFile*> by_number_;
    std::vector<TailFile*> open_;
    std::deque<TailFile*> ready_;
    std::vector<TailFile*> to_ask_;
    std::vector<TailFile*> rewinding_;
    /// First lines of what was consumed, to find the original of a copy.
    std::unordered_multimap<uint64_t, TailFile*> by_banner_;
    PrefixIndex remembered_;  ///< lanes of the last run not yet agreed on: only a prefix is known
    std::vector<checkpoint::LaneCheckpoint> memory_;  ///< of the last run, not yet claimed
    std::vector<MissingLane> missing_;                ///< of memory_; reported when due
    std::unordered_map<uint64_t, Batch> batches_;
    std::vector<Ask> asks_;
    uint64_t next_number_ = 1;
    uint64_t next_ask_ = 1;
    uint64_t scan_ = 0;
    uint64_t in_flight_bytes_ = 0;
    uint64_t failed_reads_ = 0;  ///< of bytes that decide what a file is

    StoreId store_id_;
    uint32_t restore_generation_ = 0;
    uint64_t forks_ = 0;     ///< of the agent's id, as far as the lanes here know
    bool first_run_ = true;  ///< no checkpoint of this input: start_at counts
    bool first_scan_ = true;
    bool released_any_ = false;
    bool dirty_ = false;  ///< positions changed since the checkpoint got them
    bool finished_ = false;
    bool hurried_ = false;
    bool active_ = true;     ///< something happened since the last upkeep()
    bool unsettled_ = true;  ///< some file waits for something that time alone brings

    double rate_bytes_ = 0;  ///< of rate_limit; negative: overdrawn
    SteadyTime rate_at_;

    SteadyTime now_;
    SteadyTime next_scan_;
    SteadyTime last_scan_;
    SteadyTime next_upkeep_;
    SteadyTime untold_until_;  ///< changes were missed by the watch: it is not relied on till then
    SteadyTime missing_due_;
    SteadyTime next_checkpoint_;
    SteadyTime groups_due_ = SteadyTime::max();
    SteadyTime batch_began_;
    SteadyTime last_flush_;
    SteadyTime last_read_;
    SteadyTime retry_at_;
    SteadyTime ask_at_;
    SteadyTime save_again_at_;  ///< after a checkpoint that could not be written
    Nanos retry_delay_{0};

    std::vector<WatchEvent> events_;
    std::vector<uint32_t> newlines_;
    std::vector<TailInbox::Ack> acks_;
    std::vector<TailInbox::Answer> answers_;
    std::unordered_map<std::string, std::string> complaints_;
    std::set<std::string> walk_said_;  ///< complaints of the last walk

    mutable std::mutex status_mutex_;
    TailStatus status_;
};

}  // namespace seyir::agent::input
