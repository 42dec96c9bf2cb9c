// SPDX-License-Identifier: Apache-2.0
// Sealer: moves staged rows into segment files: read, sort by (stream, time), cut into blocks,
// compress, write, then one commit that adds the catalogue rows and cuts the stage.
// Room: staged batches -> segments. Only by bytes, budget or the end of a day, never by age.
// Threads: its own low-priority thread, or the caller's; one job at a time. From half the stage
// budget on the work is done at the program's own priority, before appends have to wait.
// Errors: a failed job changes nothing that counts and is tried again; files it left behind are
// removed at the next open. A staged batch that cannot be read stays staged and is reported.
// Limits: rows in memory are bounded by seal_slice_raw_bytes and one block per (tenant, day).
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "collector/store/engine/committer.hpp"
#include "collector/store/engine/core.hpp"
#include "collector/store/engine/seal_job.hpp"
#include "collector/store/engine/urgent_thread.hpp"

namespace seyir::store {

class Sealer {
  public:
    Sealer(Core& core, Committer& committer);
    ~Sealer();

    /// Removes what a crash left behind; starts the thread if the store has threads.
    void start();
    void stop();
    /// Something may be due.
    void wake();

    Result<void> seal(SealScope scope);
    /// True at the first call after a day ended with rows of it staged.
    bool is_day_end_due() const;
    bool has_rows_before(Day today) const;
    /// Lets go of a view on the sealer's thread: removing files takes its time.
    void release(CatalogueViewPtr view);

  private:
    void run();
    void remove_orphans();
    void trim_log();
    SealJob::Pace pace();
    Result<void> run_job(SealJob& job, bool is_day_end);
    Result<void> commit(SealJob& job, bool is_day_end);

    Core& core_;
    Committer& committer_;
    std::mutex job_mutex_;               // one job at a time
    columns::BlockEncoder encoder_;      // under job_mutex_
    std::set<CommitNumber> unreadable_;  // under job_mutex_
    std::atomic<uint64_t> unreadable_bytes_ = 0;
    uint64_t small_left_ = 0;  // small batches the last joining left, under job_mutex_

    std::mutex mutex_;
    std::condition_variable wake_;
    bool is_woken_ = false;
    std::vector<CatalogueViewPtr> released_;
    std::atomic<bool> is_stopping_ = false;
    UrgentThread urgent_;
    std::thread thread_;
};

}  // namespace seyir::store
