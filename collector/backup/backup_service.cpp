// SPDX-License-Identifier: Apache-2.0
#include "collector/backup/backup_service.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace seyir::collector::backup {
namespace {

/// How often the clocks are looked at.
constexpr auto kLookAgain = std::chrono::milliseconds(500);
constexpr int kNice = 10;

}  // namespace

BackupService::BackupService(
    Backup& backup, BackupSchedule schedule, io::Clock& clock, OnRun on_run
)
    : backup_(backup), schedule_(std::move(schedule)), clock_(clock), on_run_(std::move(on_run)) {}

BackupService::~BackupService() {
    stop();
}

void BackupService::start() {
    const UnixNanos now = clock_.wall_now();
    // What was missed while the program was down is due now.
    const UnixNanos since = std::min(backup_.last_done().value_or(now), now);
    next_ = schedule_.cron.next_after(since, schedule_.zone);
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
    if (retry_at_ && clock_.steady_now() >= *retry_at_) {
        retry_at_.reset();
        return BackupRequest{.trigger = "retry"};
    }
    const UnixNanos now = clock_.wall_now();
    if (!next_ || now < *next_) {
        return std::nullopt;
    }
    next_ = schedule_.cron.next_after(now, schedule_.zone);
    failed_ = 0;
    retry_at_.reset();
    return BackupRequest{.trigger = "schedule"};
}

void BackupService::finish(const BackupReport& report) {
    bool is_last = true;
    {
        const std::lock_guard lock(mutex_);
        last_ = report;
        if (report.ok()) {
            failed_ = 0;
            retry_at_.reset();
        } else if (!stopping_) {
            ++failed_;
            is_last = failed_ >= schedule_.attempts;
            const Nanos wait = std::min<Nanos>(
                schedule_.retry_initial * (1LL << std::min(failed_ - 1, 20U)), schedule_.retry_max
            );
            retry_at_ = is_last ? std::nullopt : std::optional(clock_.steady_now() + wait);
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
    return {running_ || asked_, runs_, backup_.progress(), next_, last_, failed_};
}

}  // namespace seyir::collector::backup
