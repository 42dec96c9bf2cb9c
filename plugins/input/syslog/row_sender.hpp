// SPDX-License-Identifier: Apache-2.0
// RowSender: batches of one syslog input on their way: the byte budget, and batches that no output
// took, which are handed on again until one does. syslog knows no acknowledgement, so this memory
// is all there is between a sender and the outputs. Room: RecordBatch -> Submit; AckToken ->
// budget. Threads: thread-safe.   Ownership: shared with tokens that outlive the input. Limits:
// in_flight_bytes_max; a sender that may wait does, datagrams are dropped and counted.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/async/event.hpp"
#include "common/io/clock.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/input.hpp"
#include "common/pipeline/report.hpp"

namespace seyir::plugins::syslog {

struct SyslogMetrics {
    SyslogMetrics(metrics::Registry& registry, const std::string& id);

    metrics::Counter& refused(const std::string& reason) const;

    metrics::Registry& registry;
    std::string id;
    metrics::Counter& messages;
    metrics::Counter& bad;
    metrics::Counter& truncated;
    metrics::Counter& dropped_datagrams;
    metrics::Counter& resubmitted;
    metrics::Counter& lost;
    metrics::Gauge& connections;
    metrics::Gauge& held_bytes;
};

class RowSender : public std::enable_shared_from_this<RowSender> {
  public:
    RowSender(
        pipeline::Submit submit, uint64_t bytes_max, Nanos retry_after, const SyslogMetrics& metrics
    );

    void start();
    /// Nothing more is handed on; what nobody took is lost, counted.
    void stop();

    /// False when the budget is used up; a waiter is then set when there is room again.
    bool has_room(const std::shared_ptr<async::Event>& waiter = nullptr);
    void send(std::shared_ptr<RecordBatch> batch);

    uint64_t held_bytes() const { return held_.load(); }

    uint64_t bytes_max() const { return bytes_max_; }

    /// Age of the oldest batch that no output has taken.
    double oldest_seconds() const { return oldest_.age_seconds(io::system_clock().steady_now()); }

  private:
    void answered(const RecordBatchPtr& batch, uint64_t bytes, const DeliveryReport& report);
    void give_back(uint64_t bytes);
    void retry_loop();

    const uint64_t bytes_max_;
    const Nanos retry_after_;
    const SyslogMetrics metrics_;  // references into the registry, which outlives tokens
    std::atomic<uint64_t> held_{0};
    pipeline::OldestUnanswered oldest_;
    std::mutex mutex_;
    std::condition_variable changed_;
    pipeline::Submit submit_;
    bool is_stopped_ = false;
    std::deque<RecordBatchPtr> again_;
    std::vector<std::weak_ptr<async::Event>> waiters_;
    std::thread thread_;
};

}  // namespace seyir::plugins::syslog
