// SPDX-License-Identifier: Apache-2.0
#include "collector/retention/clean_up_service.hpp"

#include <utility>

#include <pthread.h>

#include "common/base/log.hpp"

namespace seyir::collector::retention {
namespace {

/// How often the clocks are looked at.
constexpr auto kLookAgain = std::chrono::milliseconds(500);

}  // namespace

CleanUpService::CleanUpService(
    CleanUp& clean_up, schedule::RunSchedule schedule, io::Clock& clock, OnRun on_run
)
    : clean_up_(clean_up), on_run_(std::move(on_run)), plan_(std::move(schedule), clock) {}

CleanUpService::~CleanUpService() {
    stop();
}

void CleanUpService::start() {
    plan_.begin(clean_up_.last_done());
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
    const bool has_failed_so = plan_.failed_attempts() > 0 && retry_by_age_ == request.by_age;
    if (!has_failed_so && !running_) {
        asked_ = std::move(request);
        changed_.notify_all();
    }
}

std::optional<CleanUpRequest> CleanUpService::due_locked() {
    if (asked_) {
        return std::exchange(asked_, std::nullopt);
    }
    switch (plan_.take_due()) {
        case schedule::Due::kNothing:
            return std::nullopt;
        case schedule::Due::kRetry:
            return CleanUpRequest{.trigger = "retry", .by_age = retry_by_age_};
        case schedule::Due::kScheduled:
            return CleanUpRequest{.trigger = "schedule"};
    }
    return std::nullopt;
}

void CleanUpService::finish(const CleanUpReport& report) {
    bool is_last = true;
    {
        const std::lock_guard lock(mutex_);
        running_ = false;
        last_ = report;
        // A run for the size says nothing of the one that is to be tried again, and one that was
        // stopped nothing of how they go.
        const bool is_other = plan_.has_retry() && retry_by_age_ && !report.request.by_age;
        if (!is_other && (report.ok() || !stopping_)) {
            retry_by_age_ = report.ok() ? retry_by_age_ : report.request.by_age;
            is_last = plan_.settle(report.ok());
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
    return {running_, plan_.next(), last_, plan_.failed_attempts()};
}

}  // namespace seyir::collector::retention
