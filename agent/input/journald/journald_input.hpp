// SPDX-License-Identifier: Apache-2.0
// JournaldInput: entries of the journal, each once.
// Room: journal -> RecordBatch with a SourcePosition a numbering (journal_lane.hpp).
// Threads: one of its own; answers and questions come back on any.
// Limits: JournaldSetup::in_flight_bytes_max; 64 numberings.
// Errors: every trouble with the journal is in health() and the log, and tried again: a journal
// that cannot be read must not keep the agent's other inputs from running. Ownership: what
// JournaldDeps names outlives it.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/checkpoint/checkpoint_store.hpp"
#include "agent/input/journald/journal.hpp"
#include "agent/input/journald/journal_lane.hpp"
#include "agent/input/journald/journal_rows.hpp"
#include "common/base/units.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/input.hpp"
#include "common/pipeline/loop_watch.hpp"
#include "common/pipeline/position_source.hpp"
#include "common/pipeline/report.hpp"

namespace seyir::agent::input {

struct JournaldSetup {
    std::string id = "journal";
    JournalPlace place;
    bool from_end = false;  ///< only on the first start: what is there already is not sent
    StreamLabelsPtr labels;
    bool has_service_name = false;
    uint64_t in_flight_bytes_max = 32 * kMiB;
    uint64_t batch_raw_bytes = 256 * kKiB;
    size_t batch_rows = 4096;
    Nanos batch_delay = std::chrono::milliseconds(20);
    Nanos retry_after = std::chrono::milliseconds(200);
};

struct JournaldDeps {
    io::Clock& clock;
    metrics::Registry& registry;
    checkpoint::CheckpointStore& checkpoints;
    pipeline::PositionSource* positions = nullptr;  ///< null: the checkpoint alone decides
};

class JournaldInput final : public pipeline::Input, public pipeline::ReportsInput {
  public:
    JournaldInput(JournaldSetup setup, JournaldDeps deps);
    JournaldInput(const JournaldInput&) = delete;
    JournaldInput& operator=(const JournaldInput&) = delete;
    ~JournaldInput() override;

    Result<void> start(pipeline::Submit submit) override;
    void stop() override;
    pipeline::ComponentHealth health() const override;
    /// Seconds only: a journal does not tell how many bytes are before its end.
    pipeline::InputReport report() const override;

  private:
    class Inbox;

    using Lanes = std::map<std::string, JournalLane, std::less<>>;

    /// A batch that was handed on.
    struct Sent {
        enum class State : uint8_t { kPending, kDone, kFailed };

        uint64_t id = 0;
        uint64_t bytes = 0;
        SteadyTime sent_at;
        State state = State::kPending;
        std::vector<std::pair<JournalLane*, JournalMark>> lanes;
    };

    enum class Phase : uint8_t {
        kResume,  ///< ask once nothing is under way
        kAsking,  ///< the question is out
        kReading,
    };

    void run();
    Result<void> step();
    void wait();
    void publish();
    void take_inbox();
    void advance();
    void go_back();

    // where to go on
    void load_checkpoint();
    void save_checkpoint();
    void ask();
    Result<void> on_answer(const pipeline::CommittedAnswer& answer);
    Result<void> settle_lane(
        const std::string& numbering, JournalLane& lane, const pipeline::CommittedLane& committed
    );
    Result<void> seek();
    void fork(const std::string& detail);

    // reading
    Result<void> read_some();
    Result<bool> read_entry();
    JournalLane* lane_for(const JournalCursor& cursor);
    void open_origin(JournalLane& lane);
    void flush();
    void note(const std::string& trouble);
    void look_at_files();

    const JournaldSetup setup_;
    const JournaldDeps deps_;
    metrics::Counter& entries_;
    metrics::Counter& rewinds_;
    metrics::Counter& forks_counter_;
    metrics::Counter& cut_;
    metrics::Gauge& lag_seconds_;
    JournalRows rows_;
    std::shared_ptr<Inbox> inbox_;
    pipeline::Submit submit_;
    std::unique_ptr<Journal> journal_;

    Phase phase_ = Phase::kResume;
    Lanes lanes_;
    std::deque<Sent> sent_;
    std::shared_ptr<RecordBatch> batch_;
    std::vector<JournalLane*> in_batch_;
    uint64_t batch_id_ = 1;
    uint64_t ask_id_ = 0;
    uint64_t in_flight_bytes_ = 0;
    uint64_t forks_ = 0;
    StoreId store_id_;
    uint32_t restore_generation_ = 0;
    bool first_run_ = true;
    bool at_end_ = false;
    bool has_stood_ = false;  ///< the entry the journal stands at is still to be read
    SteadyTime batch_began_;
    SteadyTime retry_at_;
    SteadyTime look_at_;       ///< when to look at the files again
    uint64_t unreadable_ = 0;  ///< files, when last looked at
    std::string files_trouble_;
    bool was_empty_ = false;  ///< nothing was there at the first look: all that comes is new

    pipeline::LoopWatch watchdog_;
    std::atomic<bool> stopping_{false};
    mutable std::mutex health_mutex_;
    std::string trouble_;
    pipeline::InputReport reported_;  ///< under health_mutex_
    std::optional<SteadyTime> oldest_sent_;
    double unread_seconds_ = 0;  ///< age of the entry read last, until the end is reached
    std::thread thread_;
};

}  // namespace seyir::agent::input
