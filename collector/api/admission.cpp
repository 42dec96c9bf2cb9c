// SPDX-License-Identifier: Apache-2.0
#include "collector/api/admission.hpp"

#include <exception>
#include <utility>

#include <pthread.h>

#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/base/units.hpp"
#include "common/process/memory_release.hpp"

namespace seyir::collector::api {
namespace {

/// Freed heap worth giving back: less comes back with the next query anyway.
constexpr size_t kHeapKept = 64 * kMiB;

void answer_thrown(net::HttpExchange& exchange, std::string_view what) noexcept {
    try {
        log::error(
            "api", "a query threw", {{"path", exchange.request().path}, {"what", std::string(what)}}
        );
        // Nothing happens where the answer has begun: it is cut off when the exchange is dropped.
        exchange.respond(net::HttpResponse::error(
            500, fail(ErrorCode::kInternal, fmt::format("the query ended by an error: {}", what))
        ));
    } catch (...) {
        // No memory for an answer: dropping the exchange sends 500.
    }
}

}  // namespace

/// A place among those that run; given back however its work ends.
class Admission::Place {
  public:
    explicit Place(Admission& admission) : admission_(&admission) {}

    ~Place() {
        if (admission_ != nullptr) {
            const std::lock_guard lock(admission_->mutex_);
            --admission_->running_;
            admission_->show();
        }
    }

    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    void given_back() { admission_ = nullptr; }

  private:
    Admission* admission_;
};

Admission::Admission(AdmissionLimits limits, io::Clock& clock, metrics::Registry* registry)
    : limits_(limits), clock_(clock) {
    if (registry != nullptr) {
        running_shown_ = &registry->gauge("seyir_queries_running", "Queries at work.");
        waiting_shown_ =
            &registry->gauge("seyir_queries_waiting", "Queries that wait for another to end.");
        refused_ = &registry->counter(
            "seyir_queries_refused_total", "Queries answered 429 because too many were under way."
        );
        threw_ = &registry->counter(
            "seyir_queries_threw_total", "Queries that ended by an exception, answered 500."
        );
    }
    thread_ = std::thread([this] { watch(); });
}

Admission::~Admission() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
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

void Admission::turn_away(const Waiting& waiting) {
    if (waiting.exchange->cancelled()) {
        waiting.exchange->respond(net::HttpResponse::error(
            499, fail(ErrorCode::kCancelled, "the client left before its query began")
        ));
        return;
    }
    refuse(
        *waiting.exchange,
        fmt::format(
            "{} queries ran for the {} s this one may wait; ask again later",
            limits_.running_max,
            std::chrono::duration_cast<std::chrono::seconds>(limits_.waiting_time_max).count()
        )
    );
}

void Admission::turn_away(const std::list<Waiting>& all) noexcept {
    try {
        for (const Waiting& waiting : all) {
            turn_away(waiting);
        }
    } catch (const std::exception&) {
        // No memory for the words: dropping the exchange sends 500.
    }
}

std::list<Admission::Waiting> Admission::take_overdue() {
    std::list<Waiting> taken;
    const SteadyTime now = clock_.steady_now();
    for (auto at = waiting_.begin(); at != waiting_.end();) {
        const auto here = at++;
        if (here->exchange->cancelled() || now - here->since > limits_.waiting_time_max) {
            taken.splice(taken.end(), waiting_, here);
        }
    }
    show();
    return taken;
}

/// True: run it now. False: it waits, or was refused.
bool Admission::enter(const net::HttpExchangePtr& exchange, Work& work) {
    std::list<Waiting> overdue;
    bool is_full = false;
    {
        const std::lock_guard lock(mutex_);
        if (running_ < limits_.running_max) {
            ++running_;
            show();
            return true;
        }
        if (waiting_.size() >= limits_.waiting_max) {
            overdue = take_overdue();
        }
        is_full = waiting_.size() >= limits_.waiting_max;
        if (!is_full) {
            waiting_.push_back({exchange, std::move(work), clock_.steady_now()});
            show();
        }
    }
    wake_.notify_one();
    turn_away(overdue);
    if (is_full) {
        refuse(
            *exchange,
            fmt::format(
                "too many queries at once: {} run and {} wait, which are the limits; ask again "
                "later",
                limits_.running_max,
                limits_.waiting_max
            )
        );
    }
    return false;
}

/// The next one whose client still waits; otherwise the place is given back.
std::optional<Admission::Waiting> Admission::next() {
    std::list<Waiting> overdue;
    std::optional<Waiting> found;
    {
        const std::lock_guard lock(mutex_);
        overdue = take_overdue();
        if (waiting_.empty()) {
            --running_;
        } else {
            found = std::move(waiting_.front());
            waiting_.pop_front();
        }
        has_ended_ = true;
        show();
    }
    wake_.notify_one();
    turn_away(overdue);
    return found;
}

void Admission::run(const net::HttpExchangePtr& exchange, Work work) {
    if (!enter(exchange, work)) {
        return;
    }
    Place place(*this);
    run_cheap(exchange, work);
    work = nullptr;
    while (auto waiting = next()) {
        run_cheap(waiting->exchange, waiting->work);
    }
    place.given_back();
}

void Admission::run_cheap(const net::HttpExchangePtr& exchange, const Work& work) noexcept {
    try {
        work(exchange);
        return;
    } catch (const std::exception& e) {
        answer_thrown(*exchange, e.what());
    } catch (...) {
        answer_thrown(*exchange, "an exception without a message");
    }
    if (threw_ != nullptr) {
        threw_->add();
    }
}

/// Sleeps while nobody waits and nothing has ended.
void Admission::watch() {
    pthread_setname_np(pthread_self(), "api-admission");
    std::unique_lock lock(mutex_);
    while (!is_stopping_) {
        if (waiting_.empty() && !has_ended_) {
            wake_.wait(lock, [this] { return is_stopping_ || has_ended_ || !waiting_.empty(); });
        }
        wake_.wait_for(lock, limits_.look_every, [this] { return is_stopping_; });
        const std::list<Waiting> overdue = take_overdue();
        const bool had_query = std::exchange(has_ended_, false);
        lock.unlock();
        turn_away(overdue);
        if (had_query) {
            process::release_heap_above(kHeapKept);
        }
        lock.lock();
    }
}

}  // namespace seyir::collector::api
