// SPDX-License-Identifier: Apache-2.0
#include "collector/backup/backup_service.hpp"

#include <utility>

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

namespace seyir::collector::backup {
namespace {

/// How often the clocks are looked at.
constexpr auto kLookAgain = std::chrono::milliseconds(500);
constexpr int kNice = 10;

}  // namespace

BackupService::BackupService(
    Backup& backup, schedule::RunSchedule schedule, io::Clock& clock, OnRun on_run
)
    : backup_(backup),
      on_run_(std::move(on_run)),
      life_(fmt::format("{:x}", clock.wall_now().value)),
      plan_(std::move(schedule), clock) {}

BackupService::~BackupService() {
    stop();
}

void BackupService::start() {
    plan_.begin(backup_.last_done());
    thread_ = std::thread([this] { loop(); });
}

void BackupService::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

void BackupService::loop() {
    pthread_setname_np(pthread_self(), "backup");
    // Copying gives way to everything that answers somebody.
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNice);
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const auto request = due_locked();
        if (!request) {
            changed_.wait_for(lock, kLookAgain);
            continue;
        }
        running_ = true;
        lock.unlock();
        const BackupReport report = backup_.run(*request);
        finish(report);
        lock.lock();
    }
}

std::optional<BackupRequest> BackupService::due_locked() {
    if (asked_) {
        return std::exchange(asked_, std::nullopt);
    }
    const schedule::Due due = plan_.take_due();
    if (due == schedule::Due::kNothing) {
        return std::nullopt;
    }
    return BackupRequest{.trigger = due == schedule::Due::kRetry ? "retry" : "schedule"};
}

void BackupService::finish(const BackupReport& report) {
    bool is_last = true;
    {
        const std::lock_guard lock(mutex_);
        last_ = report;
        // One that was stopped says nothing of how backups go.
        if (report.ok() || !stopping_) {
            is_last = plan_.settle(report.ok());
        }
    }
    if (on_run_) {
        on_run_(report, is_last);
    }
    const std::lock_guard lock(mutex_);
    running_ = false;
    ++runs_;
    changed_.notify_all();
}

Result<uint64_t> BackupService::request(const BackupRequest& request) {
    const std::lock_guard lock(mutex_);
    if (running_ || asked_ || stopping_) {
        return fail(ErrorCode::kConflict, "a backup is running: ask again when it is done");
    }
    asked_ = request;
    changed_.notify_all();
    return runs_ + 1;
}

BackupState BackupService::state() const {
    const std::lock_guard lock(mutex_);
    return {
        running_ || asked_, runs_, backup_.progress(), plan_.next(), last_, plan_.failed_attempts()
    };
}

}  // namespace seyir::collector::backup
