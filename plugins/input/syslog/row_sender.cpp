// SPDX-License-Identifier: Apache-2.0
#include "plugins/input/syslog/row_sender.hpp"

#include <utility>
#include <vector>

namespace seyir::plugins::syslog {
namespace {

metrics::Counter& counter(
    metrics::Registry& registry, const std::string& id, const char* what, const char* help
) {
    return registry.counter(std::string("seyir_syslog_") + what, help, {{"input", id}});
}

}  // namespace

SyslogMetrics::SyslogMetrics(metrics::Registry& r, const std::string& input)
    : registry(r),
      id(input),
      messages(counter(r, input, "messages_total", "Messages received.")),
      bad(counter(r, input, "bad_messages_total", "Messages that are no syslog; kept whole.")),
      truncated(
          counter(r, input, "truncated_messages_total", "Messages cut at the largest allowed size.")
      ),
      dropped_datagrams(counter(
          r, input, "dropped_datagrams_total", "Datagrams dropped because outputs are behind."
      )),
      resubmitted(counter(
          r, input, "resubmitted_rows_total", "Rows handed on again after no output took them."
      )),
      lost(counter(r, input, "lost_rows_total", "Rows nobody had taken when the input stopped.")),
      connections(r.gauge("seyir_syslog_connections", "Open connections.", {{"input", input}})),
      held_bytes(r.gauge(
          "seyir_syslog_held_bytes", "Memory of batches no output has taken.", {{"input", input}}
      )) {}

metrics::Counter& SyslogMetrics::refused(const std::string& reason) const {
    return registry.counter(
        "seyir_syslog_refused_connections_total",
        "Connections ended by this side, by reason.",
        {{"input", id}, {"reason", reason}}
    );
}

RowSender::RowSender(
    pipeline::Submit submit, uint64_t bytes_max, Nanos retry_after, const SyslogMetrics& metrics
)
    : bytes_max_(bytes_max),
      retry_after_(retry_after),
      metrics_(metrics),
      submit_(std::move(submit)) {}

void RowSender::start() {
    thread_ = std::thread([this] { retry_loop(); });
}

void RowSender::stop() {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(is_stopped_, true)) {
            return;
        }
        submit_ = nullptr;
        for (const RecordBatchPtr& batch : again_) {
            metrics_.lost.add(batch->row_count());
        }
        again_.clear();
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

bool RowSender::has_room(const std::shared_ptr<async::Event>& waiter) {
    if (held_.load() < bytes_max_) {
        return true;
    }
    const std::lock_guard lock(mutex_);
    if (waiter != nullptr) {
        std::erase_if(waiters_, [](const auto& weak) { return weak.expired(); });
        waiters_.push_back(waiter);
    }
    return held_.load() < bytes_max_;
}

void RowSender::send(std::shared_ptr<RecordBatch> batch) {
    const uint64_t bytes = batch->memory_bytes();
    metrics_.held_bytes.set(static_cast<double>(held_.fetch_add(bytes) + bytes));
    const uint64_t number = oldest_.begin(io::system_clock().steady_now());
    batch->set_ack(AckToken([self = shared_from_this(),
                             kept = RecordBatchPtr(batch),
                             number,
                             bytes](const DeliveryReport& report) mutable {
        self->oldest_.end(number);
        self->answered(std::exchange(kept, nullptr), bytes, report);
    }));
    pipeline::Submit submit;
    {
        const std::lock_guard lock(mutex_);
        submit = submit_;
    }
    if (submit) {
        submit(std::move(batch));
    } else {
        // The token holds the batch that holds it: taken out, it dies and says so.
        const AckToken unsent = batch->take_ack();
    }
}

void RowSender::answered(
    const RecordBatchPtr& batch, uint64_t bytes, const DeliveryReport& report
) {
    const bool is_safe = report.outcome != Outcome::kRetry && report.outcome != Outcome::kRewind;
    if (!is_safe) {
        const std::lock_guard lock(mutex_);
        if (is_stopped_) {
            metrics_.lost.add(batch->row_count());
        } else {
            again_.push_back(batch);
            changed_.notify_all();
        }
    }
    give_back(bytes);
}

void RowSender::give_back(uint64_t bytes) {
    metrics_.held_bytes.set(static_cast<double>(held_.fetch_sub(bytes) - bytes));
    std::vector<std::weak_ptr<async::Event>> waiters;
    {
        const std::lock_guard lock(mutex_);
        waiters.swap(waiters_);
    }
    for (const auto& weak : waiters) {
        if (const auto waiter = weak.lock()) {
            waiter->set();
        }
    }
}

void RowSender::retry_loop() {
    std::unique_lock lock(mutex_);
    while (!is_stopped_) {
        changed_.wait(lock, [&] { return is_stopped_ || !again_.empty(); });
        changed_.wait_for(lock, retry_after_, [&] { return is_stopped_; });
        std::deque<RecordBatchPtr> again;
        if (!is_stopped_) {
            again.swap(again_);
        }
        lock.unlock();
        for (const RecordBatchPtr& batch : again) {
            metrics_.resubmitted.add(batch->row_count());
            send(std::make_shared<RecordBatch>(clone_rows({batch, {}})));
        }
        lock.lock();
    }
}

}  // namespace seyir::plugins::syslog
