// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/notify/send_loop.hpp"

#include <algorithm>
#include <utility>

#include "common/base/log.hpp"
#include "common/io/clock.hpp"

namespace seyir::plugins::notify {
namespace {

SteadyTime now() {
    return io::system_clock().steady_now();
}

metrics::Counter& counter(metrics::Registry& registry, const std::string& id, const char* outcome) {
    return registry.counter(
        "seyir_notify_sends_total",
        "Views of batches an output sent, by what the server said.",
        {{"output", id}, {"outcome", outcome}}
    );
}

}  // namespace

SendLoop::SendLoop(SendLoopOptions options, metrics::Registry& registry, SendView send)
    : options_(std::move(options)),
      send_(std::move(send)),
      delivered_(counter(registry, options_.id, "delivered")),
      rejected_(counter(registry, options_.id, "rejected")),
      retried_(counter(registry, options_.id, "retry")),
      left_out_(registry.counter(
          "seyir_notify_rows_left_out_total",
          "Records that a message only counted (... and N more).",
          {{"output", options_.id}}
      )) {}

SendLoop::~SendLoop() {
    stop(now());
}

void SendLoop::start() {
    for (uint32_t i = 0; i < options_.threads; ++i) {
        threads_.emplace_back([this] { run(); });
    }
}

void SendLoop::deliver(BatchView view, pipeline::DeliverDone done) {
    if (view.row_count() == 0) {
        done(DeliveryReport::delivered(0));
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        if (!stopping_ && !threads_.empty()) {
            queue_.push_back({std::move(view), std::move(done)});
            wake_.notify_one();
            return;
        }
    }
    done(DeliveryReport::retry(options_.name + " is stopping"));
}

void SendLoop::stop(SteadyTime deadline) {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        deadline_ = deadline;
        wake_.notify_all();
    }
    for (std::thread& thread : threads_) {
        if (thread.joinable()) {
            thread.join();
        }
    }
    std::deque<Work> left;
    {
        const std::lock_guard lock(mutex_);
        left.swap(queue_);
    }
    for (Work& work : left) {
        work.done(DeliveryReport::retry(options_.name + " stopped before the rows were sent"));
    }
}

bool SendLoop::is_past_deadline() const {
    return now() >= deadline_.load();
}

bool SendLoop::next(Work& work) {
    std::unique_lock lock(mutex_);
    while (true) {
        wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (queue_.empty() ||
            (stopping_ && (is_past_deadline() || not_before_ > deadline_.load()))) {
            return false;
        }
        const SteadyTime until = not_before_;
        if (now() >= until) {
            break;
        }
        wake_.wait_until(lock, until);
    }
    work = std::move(queue_.front());
    queue_.pop_front();
    if (options_.interval > Nanos(0)) {
        not_before_ = now() + options_.interval;
    }
    return true;
}

void SendLoop::run() {
    Transfer transfer(options_.transfer, [this] { return is_past_deadline(); });
    Work work;
    while (next(work)) {
        Attempt attempt = send_(work.view, transfer);
        answer(std::move(work), attempt);
        work = {};
    }
}

void SendLoop::answer(Work work, const Attempt& attempt) {
    const bool is_delivered = attempt.outcome == Outcome::kDelivered;
    {
        const std::lock_guard lock(mutex_);
        if (attempt.wait) {
            not_before_ = std::max(not_before_, now() + *attempt.wait);
        }
        if (failure_.empty() != is_delivered) {
            is_delivered ? log::info("output", options_.name + " sends again")
                         : log::warn("output", options_.name + ": " + attempt.message);
        }
        failure_ = is_delivered ? "" : attempt.message;
    }
    const auto rows = static_cast<uint32_t>(work.view.row_count());
    if (is_delivered) {
        delivered_.add();
        left_out_.add(attempt.left_out);
        work.done(DeliveryReport::delivered(rows));
    } else if (attempt.outcome == Outcome::kRejected) {
        rejected_.add();
        work.done(
            {.outcome = Outcome::kRejected,
             .dropped = rows,
             .reason = "rejected_by_peer",
             .message = options_.name + ": " + attempt.message}
        );
    } else {
        retried_.add();
        work.done(DeliveryReport::retry(options_.name + ": " + attempt.message));
    }
}

pipeline::ComponentHealth SendLoop::health() const {
    const std::lock_guard lock(mutex_);
    return {.ok = failure_.empty(), .message = failure_};
}

}  // namespace seyir::plugins::notify
