// SPDX-License-Identifier: Apache-2.0
// Committer: the only writer of the database. Takes everything queued while the last fsync ran,
// judges it against the lanes, writes it in one synced batch, answers.
// Room: Commit -> synced WriteSet -> Durable.
// Threads: enqueue and run_exclusive from any thread; the rest on the committer's thread (or, when
// the store has no threads, on whoever calls run_queued).
// Errors: per append; a failed write fails every append of its group and changes nothing.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "collector/store/engine/core.hpp"
#include "collector/store/engine/judgement.hpp"
#include "collector/store/state/lane_table.hpp"
#include "collector/store/state/push_hashes.hpp"

namespace seyir::store {

class Committer {
  public:
    explicit Committer(Core& core);
    ~Committer();

    /// Reads what the committer itself must know; starts the thread if the store has threads.
    Result<void> start();
    /// Commits what is queued, ends the thread; later appends are answered kClosed.
    void stop();

    void enqueue(Commit commit, AppendDone done);
    size_t run_queued();

    /// Runs `work` where nothing else writes, before any queued append, and waits for it.
    Result<void> run_exclusive(std::function<Result<void>()> work);

    Result<uint32_t> begin_epoch(TenantId tenant, AgentId agent);
    std::shared_ptr<void> subscribe(LogStore::OnCommitted on_committed);

    /// Called (on any thread) after commits when the stage has grown past the seal threshold.
    void on_stage_full(std::function<void()> wake) { wake_sealer_ = std::move(wake); }

    /// So many staged bytes are in segment files that only wait for their commit: appends need not
    /// wait for it. Should it fail, the stage is over its budget by them for that long.
    void set_sealed_ahead(uint64_t payload_bytes);

    /// The sealer cannot make room now: appends over the budget are refused instead of waiting.
    void set_sealer_failing(bool failing);

    /// Inside run_exclusive: the database, opened again if it had failed.
    Result<std::shared_ptr<Database>> writable_database();

  private:
    struct Append {
        Commit commit;
        AppendDone done;
        std::optional<EncodedBatch> encoded;  ///< of the selected rows
        size_t bytes = 0;
    };

    struct Control {
        std::function<Result<void>()> work;
        std::function<void(Result<void>)> done;
    };

    void run();
    bool run_one();
    bool has_work() const;
    std::vector<Append> take_group();
    void commit_group(std::vector<Append>& group);
    Result<void> check_disk() const;
    Result<void> check_room();
    bool is_over_budget(uint64_t staged_bytes) const;
    std::vector<Result<Judgement>> judge_group(
        const Database& database, const std::vector<Append>& group, WriteSet& set
    );
    Result<void> write_group(
        Database& database, WriteSet set, const std::vector<Result<Judgement>>& judged
    );
    void notify(const std::vector<BatchView>& stored);
    void answer(std::vector<Append>& group, std::vector<Result<Judgement>>& judged);
    static void fail_all(std::vector<Append>& group, const Error& error);
    Result<void> reopen();

    Core& core_;
    LaneTable lanes_;
    PushHashes pushes_;
    std::unique_ptr<Judge> judge_;
    std::function<void()> wake_sealer_;
    std::weak_ptr<Database> closing_;
    std::optional<SteadyTime> retry_at_;
    Nanos retry_after_{0};
    Error last_failure_;

    std::atomic<uint64_t> sealed_ahead_ = 0;
    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::deque<Append> appends_;
    std::deque<Control> controls_;
    bool is_stopping_ = false;
    bool is_sealer_failing_ = false;
    bool is_full_ = false;  ///< over the stage budget, waiting for the sealer

    struct Subscribers;
    std::shared_ptr<Subscribers> subscribers_;
    std::thread thread_;
};

}  // namespace seyir::store
