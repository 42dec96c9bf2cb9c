// SPDX-License-Identifier: Apache-2.0
// CleanUpService: runs the clean-up when its schedule says so, again after a failure, and when an
// operator asks (R9.2, R9.7, R9.8).
// Threads: thread-safe; runs on a thread of its own, one at a time.
// Time: see RunPlan.
// Ownership: borrows the clean-up and the clock.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "collector/retention/clean_up.hpp"
#include "collector/schedule/run_plan.hpp"

namespace seyir::collector::retention {

struct CleanUpState {
    bool is_running = false;
    std::optional<UnixNanos> next;
    std::optional<CleanUpReport> last;  ///< of this life of the program
    uint32_t failed_attempts = 0;
};

class CleanUpService {
  public:
    /// `on_run` is told of each run that changed something, failed, or held something back;
    /// `is_last_attempt`: nothing is tried again before the next scheduled run.
    using OnRun = std::function<void(const CleanUpReport& report, bool is_last_attempt)>;

    CleanUpService(
        CleanUp& clean_up, schedule::RunSchedule schedule, io::Clock& clock, OnRun on_run
    );
    ~CleanUpService();
    CleanUpService(const CleanUpService&) = delete;
    CleanUpService& operator=(const CleanUpService&) = delete;

    void start();
    /// Ends a run between two pages of an archive.
    void stop();
    bool is_stopping() const;

    /// On the calling thread. kConflict while another run goes on; a dry run may run beside one.
    Result<CleanUpReport> run_now(const CleanUpRequest& request);

    /// A run in the background, soon; not while attempts of an earlier one failed and the next
    /// scheduled one is not there yet.
    void ask(CleanUpRequest request);

    CleanUpState state() const;

  private:
    void loop();
    std::optional<CleanUpRequest> due_locked();
    void finish(const CleanUpReport& report);

    CleanUp& clean_up_;
    const OnRun on_run_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    schedule::RunPlan plan_;
    bool stopping_ = false;
    bool running_ = false;
    bool retry_by_age_ = true;  ///< what the run that failed was asked for
    std::optional<CleanUpRequest> asked_;
    std::optional<CleanUpReport> last_;
    std::thread thread_;
};

}  // namespace seyir::collector::retention
