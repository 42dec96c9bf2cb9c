// SPDX-License-Identifier: Apache-2.0
#include "collector/api/admission.hpp"

#include <fmt/format.h>

namespace seyir::collector::api {

Admission::Admission(AdmissionLimits limits, io::Clock& clock, metrics::Registry* registry)
    : limits_(limits), clock_(clock) {
    if (registry != nullptr) {
        running_shown_ = &registry->gauge("seyir_queries_running", "Queries at work.");
        waiting_shown_ =
            &registry->gauge("seyir_queries_waiting", "Queries that wait for another to end.");
        refused_ = &registry->counter(
            "seyir_queries_refused_total", "Queries answered 429 because too many were under way."
        );
    }
}

void Admission::show() {
    if (running_shown_ != nullptr) {
        running_shown_->set(static_cast<double>(running_));
        waiting_shown_->set(static_cast<double>(waiting_.size()));
    }
}

void Admission::refuse(net::HttpExchange& exchange, std::string message) {
    if (refused_ != nullptr) {
        refused_->add();
    }
    auto response =
        net::HttpResponse::error(429, fail(ErrorCode::kBackpressure, std::move(message)));
    response.headers.emplace_back("Retry-After", "5");
    exchange.respond(std::move(response));
}

/// True: run it now. False: it waits, or was refused.
bool Admission::enter(const net::HttpExchangePtr& exchange, Work& work) {
    std::deque<Waiting> gone;  // let go of outside the lock
    const std::lock_guard lock(mutex_);
    if (running_ < limits_.running_max) {
        ++running_;
        show();
        return true;
    }
    if (waiting_.size() >= limits_.waiting_max) {
        std::deque<Waiting> stay;
        for (Waiting& waiting : waiting_) {
            (waiting.exchange->cancelled() ? gone : stay).push_back(std::move(waiting));
        }
        waiting_ = std::move(stay);
    }
    if (waiting_.size() >= limits_.waiting_max) {
        refuse(
            *exchange,
            fmt::format(
                "too many queries at once: {} run and {} wait, which are the limits; ask again "
                "later",
                limits_.running_max,
                limits_.waiting_max
            )
        );
        return false;
    }
    waiting_.push_back({exchange, std::move(work), clock_.steady_now()});
    show();
    return false;
}

/// The next one whose client still waits; otherwise this thread stops running queries.
bool Admission::next(Waiting& waiting) {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.steady_now();
    while (!waiting_.empty()) {
        waiting = std::move(waiting_.front());
        waiting_.pop_front();
        if (waiting.exchange->cancelled()) {
            waiting.exchange->respond(net::HttpResponse::error(
                499, fail(ErrorCode::kCancelled, "the client left before its query began")
            ));
        } else if (now - waiting.since > limits_.waiting_time_max) {
            refuse(
                *waiting.exchange,
                fmt::format(
                    "{} queries ran for the {} s this one may wait; ask again later",
                    limits_.running_max,
                    std::chrono::duration_cast<std::chrono::seconds>(limits_.waiting_time_max)
                        .count()
                )
            );
        } else {
            show();
            return true;
        }
    }
    --running_;
    show();
    return false;
}

void Admission::run(const net::HttpExchangePtr& exchange, Work work) {
    if (!enter(exchange, work)) {
        return;
    }
    work(exchange);
    Waiting waiting;
    while (next(waiting)) {
        waiting.work(waiting.exchange);
        waiting = {};
    }
}

}  // namespace seyir::collector::api
