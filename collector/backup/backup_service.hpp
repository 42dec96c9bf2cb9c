// SPDX-License-Identifier: Apache-2.0
// BackupService: runs the backup when its schedule says so, again after a failure, and when an
// operator asks.
// Threads: thread-safe; runs on a thread of its own, one at a time.
// Time: see RunPlan.
// Ownership: borrows the backup and the clock.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "collector/backup/backup.hpp"
#include "collector/schedule/run_plan.hpp"

namespace seyir::collector::backup {

struct BackupState {
    bool is_running = false;
    uint64_t runs = 0;  ///< done in this life of the program
    BackupProgress progress;
    std::optional<UnixNanos> next;
    std::optional<BackupReport> last;  ///< of this life of the program
    uint32_t failed_attempts = 0;
};

class BackupService {
  public:
    /// Told of each run; `is_last_attempt`: nothing is tried again before the next scheduled run.
    using OnRun = std::function<void(const BackupReport& report, bool is_last_attempt)>;

    BackupService(Backup& backup, schedule::RunSchedule schedule, io::Clock& clock, OnRun on_run);
    ~BackupService();
    BackupService(const BackupService&) = delete;
    BackupService& operator=(const BackupService&) = delete;

    void start();
    /// Ends a run between two pieces of a file.
    void stop();

    /// Begins a run and does not wait for it; gives its number: it is done when state().runs has
    /// reached it. kConflict while another goes on.
    Result<uint64_t> request(const BackupRequest& request);

    BackupState state() const;

    Backup& backup() const { return backup_; }

    /// Differs after each start of the program: runs are counted anew then.
    const std::string& life() const { return life_; }

  private:
    void loop();
    std::optional<BackupRequest> due_locked();
    void finish(const BackupReport& report);

    Backup& backup_;
    const OnRun on_run_;
    const std::string life_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    schedule::RunPlan plan_;
    bool stopping_ = false;
    bool running_ = false;
    uint64_t runs_ = 0;
    std::optional<BackupRequest> asked_;
    std::optional<BackupReport> last_;
    std::thread thread_;
};

}  // namespace seyir::collector::backup
