// SPDX-License-Identifier: Apache-2.0
#include "collector/retention/clean_up_service.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>

#include "common/base/log.hpp"

namespace seyir::collector::retention {
namespace {

/// How often the clocks are looked at.
constexpr auto kLookAgain = std::chrono::milliseconds(500);

}  // namespace

CleanUpService::CleanUpService(
    CleanUp& clean_up, CleanUpSchedule schedule, io::Clock& clock, OnRun on_run
)
    : clean_up_(clean_up),
      schedule_(std::move(schedule)),
      clock_(clock),
      on_run_(std::move(on_run)) {}

CleanUpService::~CleanUpService() {
    stop();
}

void CleanUpService::start() {
    const UnixNanos now = clock_.wall_now();
    // What was missed while the program was down is due now.
    const UnixNanos since = std::min(clean_up_.last_done().value_or(now), now);
    next_ = schedule_.cron.next_after(since, schedule_.zone);
    thread_ = std::thread([this] { loop(); });
}

void CleanUpService::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

bool CleanUpService::is_stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void CleanUpService::loop() {
    pthread_setname_np(pthread_self(), "clean-up");
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const auto request = running_ ? std::nullopt : due_locked();
        if (!request) {
            changed_.wait_for(lock, kLookAgain);
            continue;
        }
        running_ = true;
        lock.unlock();
        const CleanUpReport report = clean_up_.run(*request);
        finish(report);
        lock.lock();
    }
}

void CleanUpService::ask(CleanUpRequest request) {
    const std::lock_guard lock(mutex_);
    const bool has_failed_so = failed_ > 0 && retry_by_age_ == request.by_age;
    if (!has_failed_so && !running_) {
        asked_ = std::move(request);
        changed_.notify_all();
    }
}

std::optional<CleanUpRequest> CleanUpService::due_locked() {
    if (asked_) {
        return std::exchange(asked_, std::nullopt);
    }
    if (retry_at_ && clock_.steady_now() >= *retry_at_) {
        retry_at_.reset();
        return CleanUpRequest{.trigger = "retry", .by_age = retry_by_age_};
    }
    const UnixNanos now = clock_.wall_now();
    if (!next_ || now < *next_) {
        return std::nullopt;
    }
    next_ = schedule_.cron.next_after(now, schedule_.zone);
    failed_ = 0;
    retry_at_.reset();
    return CleanUpRequest{.trigger = "schedule"};
}

void CleanUpService::finish(const CleanUpReport& report) {
    bool is_last = true;
    {
        const std::lock_guard lock(mutex_);
        running_ = false;
        last_ = report;
        const bool is_other = retry_at_ && retry_by_age_ && !report.request.by_age;
        if (is_other) {
            // A run for the size says nothing of the one that is to be tried again.
        } else if (report.ok()) {
            failed_ = 0;
            retry_at_.reset();
        } else if (!stopping_) {
            retry_by_age_ = report.request.by_age;
            ++failed_;
            is_last = failed_ >= schedule_.attempts;
            const Nanos wait = std::min<Nanos>(
                schedule_.retry_initial * (1LL << std::min(failed_ - 1, 20U)), schedule_.retry_max
            );
            retry_at_ = is_last ? std::nullopt : std::optional(clock_.steady_now() + wait);
        }
        changed_.notify_all();
    }
    const bool is_news = !report.ok() || !report.dropped.empty() || !report.held_back.empty() ||
                         !report.archives_removed.empty();
    if (on_run_ && is_news) {
        on_run_(report, is_last);
    }
}

Result<CleanUpReport> CleanUpService::run_now(const CleanUpRequest& request) {
    if (request.dry_run) {
        return clean_up_.run(request);
    }
    {
        const std::lock_guard lock(mutex_);
        if (running_ || stopping_) {
            return fail(ErrorCode::kConflict, "a clean-up is running: ask again when it is done");
        }
        running_ = true;
    }
    CleanUpReport report = clean_up_.run(request);
    finish(report);
    return report;
}

CleanUpState CleanUpService::state() const {
    const std::lock_guard lock(mutex_);
    return {running_, next_, last_, failed_};
}

}  // namespace seyir::collector::retention
