// SPDX-License-Identifier: Apache-2.0
#include "common/buffer/memory_queue.hpp"

#include <algorithm>
#include <utility>

namespace seyir::buffer {
namespace {

using WhenFull = BufferOptions::WhenFull;

DeliveryReport dropped_as_full(uint32_t rows) {
    return {.outcome = Outcome::kDropped, .dropped = rows, .reason = "buffer_full"};
}

}  // namespace

MemoryQueue::MemoryQueue(
    const BufferOptions& options, std::string id, io::Clock& clock, metrics::Registry& registry
)
    : options_(options), clock_(clock), metrics_(registry, std::move(id)) {}

MemoryQueue::~MemoryQueue() {
    close();
}

void MemoryQueue::add_gauges(const Entry& entry, double sign) {
    metrics_.rows.add(sign * static_cast<double>(entry.view.row_count()));
    metrics_.bytes.add(sign * static_cast<double>(entry.bytes));
    bytes_ = sign > 0 ? bytes_ + entry.bytes : bytes_ - entry.bytes;
}

void MemoryQueue::append(bool required, BatchView view, pipeline::DeliverDone done) {
    const auto rows = static_cast<uint32_t>(view.row_count());
    std::vector<Dropped> dropped;
    bool taken = false;
    bool closed = false;
    {
        const std::lock_guard lock(mutex_);
        Entry entry{
            .id = next_id_++,
            .view = std::move(view),
            .appended = clock_.wall_now(),
            .done = std::move(done)
        };
        entry.bytes = entry.view.batch->memory_bytes();
        const bool is_full = bytes_ + entry.bytes > options_.max_size_bytes && !entries_.empty();
        const bool blocks = options_.when_full == WhenFull::kBlock && required;
        if (is_full && options_.when_full == WhenFull::kDropOldest) {
            dropped = drop_oldest(entry.bytes);
        }
        closed = closed_;
        taken = !closed && (!is_full || blocks || options_.when_full == WhenFull::kDropOldest);
        if (taken) {
            metrics_.appended.add(rows);
            add_gauges(entry, 1);
            entries_.push_back(std::move(entry));
        } else {
            done = std::move(entry.done);
        }
    }
    for (Dropped& one : dropped) {
        one.done(dropped_as_full(one.rows));
    }
    if (taken) {
        wake_();
        return;
    }
    done(closed ? DeliveryReport::retry("the output is stopping") : dropped_as_full(rows));
}

/// Of what nobody is delivering.
std::vector<MemoryQueue::Dropped> MemoryQueue::drop_oldest(uint64_t bytes_needed) {
    std::vector<Dropped> dropped;
    for (auto at = entries_.begin();
         at != entries_.end() && bytes_ + bytes_needed > options_.max_size_bytes;) {
        if (at->is_out) {
            ++at;
            continue;
        }
        add_gauges(*at, -1);
        const auto rows = static_cast<uint32_t>(at->view.row_count());
        metrics_.drop("buffer_full", rows);
        dropped.push_back({rows, std::move(at->done)});
        at = entries_.erase(at);
    }
    return dropped;
}

void MemoryQueue::close() {
    std::deque<Entry> left;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        left.swap(entries_);
        for (const Entry& entry : left) {
            add_gauges(entry, -1);
            metrics_.returned.add(entry.view.row_count());
        }
    }
    for (Entry& entry : left) {
        entry.done(DeliveryReport::retry("the output stopped before the rows were delivered"));
    }
}

std::optional<Delivery> MemoryQueue::take() {
    const std::lock_guard lock(mutex_);
    const auto at = std::ranges::find(entries_, false, &Entry::is_out);
    if (at == entries_.end()) {
        metrics_.oldest_seconds.set(0);
        return std::nullopt;
    }
    at->is_out = true;
    const Nanos age = clock_.wall_now() - entries_.front().appended;
    metrics_.oldest_seconds.set(std::chrono::duration<double>(age).count());
    return Delivery{at->id, at->view, at->appended};
}

void MemoryQueue::settle(uint64_t id, DeliveryReport report) {
    pipeline::DeliverDone done;
    {
        const std::lock_guard lock(mutex_);
        const auto at = std::ranges::find(entries_, id, &Entry::id);
        if (at == entries_.end()) {
            return;
        }
        const auto rows = static_cast<uint32_t>(at->view.row_count());
        const uint32_t dropped = std::min(report.dropped, rows);
        metrics_.drop(report.reason.empty() ? "other" : report.reason, dropped);
        metrics_.delivered.add(rows - dropped);
        add_gauges(*at, -1);
        done = std::move(at->done);
        entries_.erase(at);
    }
    done(std::move(report));
}

void MemoryQueue::give_back(uint64_t id) {
    const std::lock_guard lock(mutex_);
    const auto at = std::ranges::find(entries_, id, &Entry::id);
    if (at != entries_.end()) {
        at->is_out = false;
    }
}

uint64_t MemoryQueue::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

}  // namespace seyir::buffer
