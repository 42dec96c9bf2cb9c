// SPDX-License-Identifier: Apache-2.0
// MemoryQueue: batches in memory between sources and one output; a source is answered with what
// the output says. While sources wait for their answers their own budgets bound what is here; what
// nobody waits for is bounded by max_size_bytes.
// Room: BatchView -> Delivery.
// Threads: append() from any; the rest from one sender thread.
#pragma once

#include <deque>
#include <functional>
#include <mutex>

#include "common/buffer/buffer_metrics.hpp"
#include "common/buffer/delivery_source.hpp"
#include "common/buffer/options.hpp"
#include "common/io/clock.hpp"

namespace seyir::buffer {

class MemoryQueue final : public DeliverySource {
  public:
    MemoryQueue(
        const BufferOptions& options, std::string id, io::Clock& clock, metrics::Registry& registry
    );
    /// Answers what is left with kRetry.
    ~MemoryQueue() override;

    void on_append(std::function<void()> wake) { wake_ = std::move(wake); }

    void append(bool required, BatchView view, pipeline::DeliverDone done);
    /// From now on nothing is taken in; what is here gets kRetry.
    void close();

    std::optional<Delivery> take() override;
    void settle(uint64_t id, DeliveryReport report) override;
    void give_back(uint64_t id) override;

    void count_retry(uint32_t rows) override { metrics_.retried.add(rows); }

    uint64_t bytes() const;

  private:
    struct Entry {
        uint64_t id = 0;
        bool is_out = false;
        BatchView view;
        UnixNanos appended;
        uint64_t bytes = 0;
        pipeline::DeliverDone done;
    };

    struct Dropped {
        uint32_t rows = 0;
        pipeline::DeliverDone done;
    };

    void add_gauges(const Entry& entry, double sign);
    std::vector<Dropped> drop_oldest(uint64_t bytes_needed);

    const BufferOptions options_;
    io::Clock& clock_;
    const BufferMetrics metrics_;
    std::function<void()> wake_;

    mutable std::mutex mutex_;
    std::deque<Entry> entries_;
    uint64_t bytes_ = 0;
    uint64_t next_id_ = 1;
    bool closed_ = false;
};

}  // namespace seyir::buffer
